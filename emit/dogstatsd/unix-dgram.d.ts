/** The part that is used here; the package has no types of its own. */
declare module "unix-dgram" {
  import type { EventEmitter } from "node:events";

  /** Failures of `bind` and `connect` are "error" events, sent before they return; `code` is a negative errno. */
  interface UnixDatagramSocket extends EventEmitter {
    bind(path: string): void;
    connect(path: string): void;
    send(datagram: Buffer): void;
    /** Once only: a second call aborts the whole process in the native part. */
    close(): void;
  }

  export function createSocket(type: "unix_dgram", onMessage?: (datagram: Buffer) => void): UnixDatagramSocket;
}
