/**
 * What engines 1.12 to 29 keep in their data root. Images are `image/`, the layers in the graph driver's folder, and, where
 * containerd keeps them, `containerd/`; `trust/` is what signed ones were checked by. What is in neither list is left alone.
 */
export const stateNames = [
  "builder",
  "buildkit",
  "containers",
  "engine-id",
  "network",
  "plugins",
  "runtimes",
  "swarm",
  "tmp",
  "tmp-old",
  "volumes",
] as const;

export const graphDrivers = [
  "aufs",
  "btrfs",
  "devicemapper",
  "fuse-overlayfs",
  "overlay",
  "overlay2",
  "vfs",
  "zfs",
] as const;

export const imageNames: readonly string[] = ["image", "containerd", "trust", "lost+found", ...graphDrivers];

/** Databases that an engine at work holds a lock on (bbolt, flock(2)). */
export const lockedNames = [
  "volumes/metadata.db",
  "network/files/local-kv.db",
  "buildkit/cache.db",
  "buildkit/snapshots.db",
  "buildkit/metadata_v2.db",
  "buildkit/containerdmeta.db",
] as const;

/** Mount points below a folder, from `/proc/self/mountinfo`: the fifth field, with `\040` and the like (proc(5)). */
export function mountsBelow(folder: string, mountinfo: string): readonly string[] {
  const points = mountinfo.split("\n").map((line) => unescaped(line.split(" ")[4] ?? ""));
  return points.filter((point) => point.startsWith(`${folder}/`));
}

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
