/** What is to be read again, by key, each as rarely as can be. */
export interface Refresher {
  /**
   * Asks for a reading of `key` that begins after this call; resolves when it has ended, or with the signal. Marks
   * that come before it begins share it. `urgent`: at once; else after `coalesceMs`, with all others that came.
   */
  readonly mark: (key: string, urgent?: "urgent") => Promise<void>;
}

export interface RefresherOptions {
  readonly concurrency: number;
  readonly coalesceMs: number;
  /** Reads one key. Deals with its own errors: one that fails must not stop the others. */
  readonly refresh: (key: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Never two readings of one key at once, never more than `concurrency` in all. Since a reading that was asked for
 * after the last change also begins after it, what is read last is true, whatever the order of answers.
 */
export function refresher(options: RefresherOptions): Refresher {
  const waiting = new Map<string, Waiting>();
  const running = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const run = async (key: string, { told }: Waiting): Promise<void> => {
    running.add(key);
    await options.refresh(key).catch(() => undefined);
    running.delete(key);
    for (const tell of told) tell();
    pump();
  };
  const pump = (): void => {
    for (const [key, entry] of waiting) {
      if (running.size >= options.concurrency) return;
      if (!entry.ready || running.has(key)) continue;
      waiting.delete(key);
      void run(key, entry);
    }
  };
  const release = (): void => {
    timer = undefined;
    for (const entry of waiting.values()) entry.ready = true;
    pump();
  };
  const stop = (): void => {
    clearTimeout(timer);
    for (const { told } of waiting.values()) for (const tell of told) tell();
    waiting.clear();
  };
  options.signal.addEventListener("abort", stop, { once: true });

  return {
    mark: async (key, urgent) => {
      if (options.signal.aborted) return;
      const entry = waiting.get(key) ?? { ready: false, told: [] };
      waiting.set(key, entry);
      const reading = new Promise<void>((resolve) => void entry.told.push(resolve));
      if (urgent === undefined) {
        timer ??= setTimeout(release, options.coalesceMs);
      } else {
        entry.ready = true;
        pump();
      }
      await reading;
    },
  };
}

interface Waiting {
  ready: boolean;
  readonly told: (() => void)[];
}
