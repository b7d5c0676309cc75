/** Messages that a host may send at once, and each second on. It has a sign of life each 20 s, and some words for each job. */
const [burst, perSecond] = [100, 10] as const;
/** Hosts that are remembered: only those whose key the broker knows can send anything. */
export const mostHosts = 10_000;
/** Milliseconds between two words on the same host. */
const sayEvery = 60_000;

interface Bucket {
  left: number;
  at: number;
  said: number;
}

/** Whether one more message of a host is read; `key` is the host's. What is too much is dropped, and that is said once a minute. */
export type Admits = (key: string) => boolean;

export function floodGate(
  onTrouble: (what: string, key: string) => void,
  now: () => number = () => performance.now(),
): Admits {
  const buckets = new Map<string, Bucket>();
  return (key) => {
    const at = now();
    const bucket = buckets.get(key) ?? { left: burst, at, said: -sayEvery };
    bucket.left = Math.min(burst, bucket.left + ((at - bucket.at) * perSecond) / 1000);
    bucket.at = at;
    // The one that was not heard of for longest is the first to be forgotten.
    buckets.delete(key);
    buckets.set(key, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > mostHosts && oldest !== undefined) buckets.delete(oldest);
    if (bucket.left >= 1) return bucket.left-- > 0;
    if (at - bucket.said >= sayEvery) {
      bucket.said = at;
      onTrouble(`host ${key} sends more than ${perSecond} messages a second: the rest is dropped`, key);
    }
    return false;
  };
}
