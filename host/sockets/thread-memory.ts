/** Descriptors of the open netlink sockets, -1 where none. */
export type Ledger = Int32Array<SharedArrayBuffer>;

/** Memory that the thread and its owner share. */
export interface Shared {
  /** For `workerData`. */
  readonly buffer: SharedArrayBuffer;
  /** So that the sockets can be closed once the thread has ended: nobody else knows of them. */
  readonly ledger: Ledger;
  /** In the thread, which is born busy: it has started, and can be ended. */
  readonly started: () => void;
  /** In the thread: work that must not be cut off. Throws `Stopped` where no more is to be begun. */
  readonly inOnePiece: <T>(work: () => T) => T;
  /** In the owner: from now on nothing more is begun. */
  readonly stop: () => void;
  readonly isStopped: () => boolean;
  /** Whether the thread can be ended now. Only after `stop` does that stay so. */
  readonly isInterruptible: () => boolean;
}

class Stopped extends Error {
  override readonly name = "Stopped";
}

/** More network namespaces than any host has; of those beyond, the sockets are read as text. */
const most = 8192;
/** The two words before the ledger. */
const [stopped, busy, words] = [0, 1, 2];

/**
 * To terminate a worker inside a native addon ends the whole process (seen with koffi while it is loaded: a fatal error
 * of node-addon-api), and one that loads modules loses their descriptors. So the thread says when it must not be, and asks first.
 */
export function share(): Shared {
  const shared = sharedIn(new SharedArrayBuffer(4 * (words + most)));
  shared.ledger.fill(-1);
  Atomics.store(new Int32Array(shared.buffer), busy, 1);
  return shared;
}

/** The thread's side: the memory that it got as its `workerData`. */
export function sharedIn(buffer: unknown): Shared {
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError("expected the memory that is shared with the owner");
  const flags = new Int32Array(buffer, 0, words);
  const ledger: Ledger = new Int32Array(buffer, 4 * words);
  const isStopped = () => Atomics.load(flags, stopped) === 1;
  const leave = () => void Atomics.store(flags, busy, 0);
  return {
    buffer,
    ledger,
    started: leave,
    inOnePiece: (work) => {
      // Said before it is asked, as the owner does it the other way round: one of the two sees the other.
      Atomics.store(flags, busy, 1);
      try {
        if (isStopped()) throw new Stopped("told to stop");
        return work();
      } finally {
        leave();
      }
    },
    stop: () => void Atomics.store(flags, stopped, 1),
    isStopped,
    isInterruptible: () => Atomics.load(flags, busy) === 0,
  };
}
