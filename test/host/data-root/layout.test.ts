import assert from "node:assert/strict";
import { graphDrivers, imageNames, mountsBelow, stateNames } from "../../../host/data-root/layout.ts";

const line = (point: string) =>
  `1280 1273 0:424 / ${point} rw,relatime shared:32 - overlay overlay rw,lowerdir=/var/lib/docker/x`;

describe("host/data-root/layout", () => {
  it("finds mount points below a folder, not the folder's own, nor a neighbour's", () => {
    const mounts = ["/", "/var/lib/docker", "/var/lib/docker-old/a", "/var/lib/docker/volumes/my\\040disk\\134x"];
    assert.deepEqual(mountsBelow("/var/lib/docker", `${mounts.map(line).join("\n")}\n`), [
      "/var/lib/docker/volumes/my disk\\x",
    ]);
  });

  it("has nothing of the images' among what goes", () => {
    const both = stateNames.filter((name) => imageNames.includes(name));
    assert.deepEqual(both, []);
    for (const name of ["image", "containerd", ...graphDrivers]) assert.ok(imageNames.includes(name));
  });
});
