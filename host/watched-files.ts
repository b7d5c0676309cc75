import { stat } from "node:fs/promises";

/**
 * Calls `changed` with the paths that are not the files that they were: by inode, size or time. Looks again and again, for
 * who is notified of one file misses the links that certbot or Kubernetes put elsewhere. Returns how to end it.
 */
export function watchFiles(
  paths: readonly string[],
  everyMs: number,
  changed: (paths: readonly string[]) => void,
): () => void {
  let known: readonly string[] | undefined;
  let [busy, ended] = [false, false];
  const look = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    const now = await Promise.all(paths.map(markOf));
    const before = known ?? now;
    known = now;
    busy = false;
    const others = paths.filter((_, i) => before[i] !== now[i]);
    if (others.length > 0 && !ended) changed(others);
  };
  void look();
  const timer = setInterval(() => void look(), everyMs).unref();
  return () => {
    ended = true;
    clearInterval(timer);
  };
}

async function markOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return "none";
  }
}
