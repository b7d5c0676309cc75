import { type DumpKind, tableRequest, type TablesAsked } from "../rtnetlink/request.ts";
import { asker } from "./dump.ts";
import { homeNamespace, LostThread, protocols, socketIn } from "./kept.ts";
import type { Libc } from "./libc.ts";
import type { Fault } from "./messages.ts";
import { NetlinkError, walkReplies } from "./netlink.ts";
import type { Shared } from "./thread-memory.ts";

export type TableDumper = (asked: TablesAsked) => readonly Uint8Array[] | Fault;

/** Dumps tables of a network namespace by rtnetlink, as the bytes that came. Throws only what must end the thread. */
export function tableDumper(libc: Libc | Error, shared: Shared): TableDumper {
  if (libc instanceof Error) return () => ({ fault: libc.message, gone: false });
  const [home, { buffer, ask }] = [homeNamespace(), asker(libc)];
  const table = (socket: number, kind: DumpKind): Uint8Array => {
    let pieces: Uint8Array[] = [];
    const interrupted = ask(
      socket,
      (sequence) => {
        pieces = [];
        return tableRequest(kind, sequence);
      },
      (length, sequence) => {
        pieces.push(buffer.bytes.slice(0, length));
        return walkReplies(buffer, length, sequence, () => undefined);
      },
    );
    if (interrupted) throw new NetlinkError("the table changed under every try to read it");
    return joined(pieces);
  };
  const dump = ({ path, inode, kinds }: TablesAsked): readonly Uint8Array[] => {
    const where = { path, protocol: protocols.route, ...(inode === undefined ? {} : { inode }) };
    const socket = socketIn(libc, home, where);
    try {
      return kinds.map((kind) => table(socket, kind));
    } finally {
      libc.close(socket);
    }
  };
  return (asked) => {
    try {
      return shared.inOnePiece(() => dump(asked));
    } catch (error) {
      if (error instanceof LostThread || !(error instanceof NetlinkError)) throw error;
      return { fault: error.message, gone: false };
    }
  };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
