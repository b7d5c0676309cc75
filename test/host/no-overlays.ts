import type { OverlayView } from "../../host/host.ts";

const unused = (): never => {
  throw new Error("overlays are not asked for here");
};

/** For a host of which a test asks nothing about overlays. */
export const noOverlays: OverlayView = {
  hostNetns: "",
  namespaces: unused,
  keyOf: unused,
  inodeOf: unused,
  run: unused,
  engine: unused,
  sharedTables: unused,
  tasks: unused,
  stored: unused,
};
