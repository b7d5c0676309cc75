import type { TablesAsked } from "../rtnetlink/request.ts";

/** One network namespace to be read: an open directory `/proc/PID`, the descriptor being the asker's. */
export interface Asked {
  /** The same for one life of a namespace, and for no other. */
  readonly key: string;
  readonly folder: number;
}

interface SocketsRequest {
  readonly id: number;
  /** All that there are: a namespace that is not named any more is let go. Left out where they are those of the last request. */
  readonly asked?: readonly Asked[];
}

interface TablesRequest {
  readonly id: number;
  readonly tables: TablesAsked;
}

export type Request = SocketsRequest | TablesRequest;

export interface Counted {
  readonly how: "sock_diag" | "text";
  /** By the kernel's number of the state; a plain array passes between threads at a tenth of what a typed one costs. */
  readonly tally: readonly number[];
  readonly interrupted: boolean;
  /** Why it was read as text. */
  readonly why?: string;
}

export interface Fault {
  readonly fault: string;
  /** The process has ended. */
  readonly gone: boolean;
}

export type Reading = Counted | Fault;

export type Reply = {
  readonly id: number;
} & (
  | {
      /** In the order of the request. */
      readonly readings: readonly Reading[];
    }
  | {
      /** In the order of the kinds. */
      readonly tables: readonly Uint8Array[] | Fault;
    }
);

/** What the thread can. */
export interface Readers {
  readonly sockets: (asked: readonly Asked[]) => readonly Reading[];
  readonly tables: (asked: TablesAsked) => readonly Uint8Array[] | Fault;
}

/** For the thread: answers requests, and remembers whose sockets they ask about. */
export function answerer({ sockets, tables }: Readers): (request: Request) => Reply {
  let last: readonly Asked[] = [];
  return (request) => {
    if ("tables" in request) return { id: request.id, tables: tables(request.tables) };
    last = request.asked ?? last;
    return { id: request.id, readings: sockets(last) };
  };
}
