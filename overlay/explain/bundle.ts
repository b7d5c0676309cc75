import type { HostTables } from "./tables.ts";

/** A host's tables as others read them: in a file, or through the broker. */
export const [bundleFormat, bundleVersion] = ["overlaywatch-bundle", 1] as const;

/** `savedAt`: ISO 8601, UTC. */
export const bundleOf = (tables: HostTables, savedAt: string) => ({
  format: bundleFormat,
  version: bundleVersion,
  savedAt,
  tables,
});
