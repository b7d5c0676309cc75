import { endianness } from "node:os";

export const little = endianness() === "LE";

/** Tables of a network namespace, by their dump: links, rows of the bridges and devices, IPv4 neighbours, IPv4 addresses. */
export type DumpKind = keyof typeof questions;

/** Request type, size of the structure that follows the header, and its first field (linux/rtnetlink.h, neighbour.h, if_addr.h). */
const questions = {
  /** RTM_GETLINK, struct ifinfomsg, AF_UNSPEC */
  links: { type: 18, size: 16, family: 0 },
  /** RTM_GETNEIGH, struct ndmsg, AF_BRIDGE: what `bridge fdb show` asks. */
  fdb: { type: 30, size: 12, family: 7 },
  /** The same, AF_INET. */
  neighbours: { type: 30, size: 12, family: 2 },
  /** RTM_GETADDR, struct ifaddrmsg, AF_INET */
  addresses: { type: 22, size: 8, family: 2 },
} as const;

/** Tables of the network namespace that a file leads to. */
export interface TablesAsked {
  readonly path: string;
  /** The namespace that is expected there; any, where it is left out. */
  readonly inode?: number;
  readonly kinds: readonly DumpKind[];
}

/** NLM_F_REQUEST | NLM_F_DUMP */
const flagsDump = 0x301;
const headerSize = 16;

/** For a socket of NETLINK_ROUTE: asks for a table whole. */
export function tableRequest(kind: DumpKind, sequence: number): Uint8Array {
  const { type, size, family } = questions[kind];
  const bytes = new Uint8Array(headerSize + size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, little);
  view.setUint16(4, type, little);
  view.setUint16(6, flagsDump, little);
  view.setUint32(8, sequence, little);
  bytes[headerSize] = family;
  return bytes;
}
