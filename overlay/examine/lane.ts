/** Runs no more than `width` pieces of work at once; the others wait in order. */
export function lane(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  let busy = 0;
  const waiting: (() => void)[] = [];
  const enter = async (): Promise<void> => {
    if (busy < width) busy++;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
  };
  // Who waits takes over the place of who leaves.
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) busy--;
    else next();
  };
  return async (work) => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
