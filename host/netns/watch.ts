import { type FSWatcher, statSync, watch } from "node:fs";

/**
 * Calls `look` when a folder may have changed: soon after the kernel tells of a change (inotify), and every `pollMs`
 * all the same. The poll is needed: a mount over a file is no change of its folder, and a folder that is removed and
 * made again is another one to inotify. The folder need not be there. Returns how to end it.
 */
export function watchFolder(dir: string, look: () => void, pollMs = 500): () => void {
  // Docker mounts a namespace some milliseconds after it made the file.
  const soon = echoes([10, 60, 200], look);
  const watched = watcher(dir, soon.start);
  const timer = setInterval(() => {
    watched.renew();
    look();
  }, pollMs);
  watched.renew();
  return () => {
    clearInterval(timer);
    soon.clear();
    watched.close();
  };
}

/** Calls `look` so many milliseconds after the first of a row of events; one during that time adds nothing. */
function echoes(delays: readonly number[], look: () => void) {
  let timers: NodeJS.Timeout[] = [];
  const clear = (): void => {
    for (const timer of timers) clearTimeout(timer);
    timers = [];
  };
  const start = (): void => {
    if (timers.length > 0) return;
    timers = delays.map((delay, index) =>
      setTimeout(() => {
        if (index === delays.length - 1) timers = [];
        look();
      }, delay),
    );
  };
  return { start, clear };
}

/**
 * An inotify watch on the folder that has this name now; none where it can not be had, and the poll must do. It is made
 * anew after every change that it told of: the change may have been the folder's end, and the next one may have got
 * the same inode number. What happens between the two watches is seen by the look that follows.
 */
function watcher(dir: string, changed: () => void) {
  let current: { readonly inode: number; readonly watch: FSWatcher } | undefined;
  let told = false;
  const close = (): void => {
    current?.watch.close();
    current = undefined;
  };
  const renew = (): void => {
    const inode = inodeOf(dir);
    if (inode === current?.inode && !told) return;
    close();
    told = false;
    if (inode === undefined) return;
    try {
      const made = watch(dir, () => {
        told = true;
        changed();
      });
      made.on("error", () => {
        if (current?.watch === made) close();
      });
      current = { inode, watch: made };
    } catch {
      // fs.inotify.max_user_watches or max_user_instances is used up: the poll remains.
    }
  };
  return { renew, close };
}

function inodeOf(dir: string): number | undefined {
  try {
    return statSync(dir, { throwIfNoEntry: false })?.ino;
  } catch {
    // Whoever lists the folder says what is wrong with it.
    return undefined;
  }
}
