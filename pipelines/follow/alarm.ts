/** A wait that can be cut short. */
export interface Alarm {
  /** Resolves after so many milliseconds, or once it is rung; at once where it was rung since the last wait. */
  readonly wait: (ms: number) => Promise<void>;
  readonly ring: () => void;
}

export function alarm(): Alarm {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    wait: async (ms) => {
      if (!rung)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      rung = false;
    },
    ring: () => {
      rung = true;
      wake?.();
    },
  };
}
