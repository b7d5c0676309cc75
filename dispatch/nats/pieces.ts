import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { maxPackedBytes, maxUnpackedBytes } from "../helper/protocol.ts";
import type { Question } from "./protocol.ts";

/** Bytes of a piece, where the broker takes so many; beside them the headers, of which none is longer than this. */
const [pieceBytes, headerBytes] = [256 * 1024, 1024];
/** Bytes that a broker has to take at once: an answer is not sent in crumbs. */
const leastPayload = 8 * 1024;

/** What an answer may have at most. A host may lie, and reading it must be no harm to who has asked. */
export interface Bounds {
  /** Bytes of one. */
  readonly packed: number;
  readonly unpacked: number;
  /** Of JSON: each is some 50 bytes of memory, where its text has three. */
  readonly values: number;
  /** Bytes of all that are here and not read yet. */
  readonly together: number;
}

/** Words; the sentence why there is no answer too. */
const words: Bounds = { packed: 64 * 1024, unpacked: 256 * 1024, values: 10_000, together: 16 * 1024 * 1024 };
/** A row has some 100 bytes and 7 values. */
const tables: Bounds = {
  packed: maxPackedBytes,
  unpacked: maxUnpackedBytes,
  values: 3_000_000,
  together: 32 * maxPackedBytes,
};

export const boundsOf = (kind: Question["kind"]): Bounds => (kind === "tables" ? tables : words);

export interface Piece {
  readonly ask: string;
  /** The first is 1. */
  readonly at: number;
  readonly of: number;
  readonly isTrouble: boolean;
}

const form = /^([0-9a-f]{32}) (\d{1,5})\/(\d{1,5}) (answer|trouble)$/u;

/** Undefined where it is none. */
export function pieceIn(header: string): Piece | undefined {
  const [, ask, at, of, kind] = form.exec(header) ?? [];
  return ask === undefined ? undefined : { ask, at: Number(at), of: Number(of), isTrouble: kind === "trouble" };
}

export const headerOf = ({ ask, at, of, isTrouble }: Piece): string =>
  `${ask} ${at}/${of} ${isTrouble ? "trouble" : "answer"}`;

/** One at least, each so short that a broker with that `max_payload` takes it. Throws where that is next to nothing. */
export function cut(packed: Uint8Array, maxPayload: number): readonly Uint8Array[] {
  if (maxPayload < leastPayload)
    throw new Error(
      `the broker takes ${maxPayload} bytes at once, and an answer needs ${leastPayload}: see its max_payload`,
    );
  const size = Math.min(pieceBytes, maxPayload - headerBytes);
  const count = Math.max(1, Math.ceil(packed.length / size));
  return Array.from({ length: count }, (_, at) => packed.subarray(at * size, (at + 1) * size));
}

/** The answer is not one. */
export class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

/** Bytes: with fewer to a piece, there are more pieces than anybody makes. */
const leastPiece = 1024;

/** A whole answer, packed. */
export interface Arrived {
  readonly packed: Uint8Array;
  readonly isTrouble: boolean;
  /** What it may have. */
  readonly bounds: Bounds;
}

/** An answer that arrives: its pieces in their order, as a broker keeps it, and of one kind. */
export class Arriving {
  /** Of an answer to the question. */
  readonly bounds: Bounds;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #first: Piece | undefined;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The whole where this was the last. Throws `BadAnswer`. */
  add(piece: Piece, data: Uint8Array): Arrived | undefined {
    this.#first ??= piece;
    const { of, isTrouble } = this.#first;
    const bounds = isTrouble ? words : this.bounds;
    if (of > bounds.packed / leastPiece) throw new BadAnswer(`it has more than ${bounds.packed / leastPiece} pieces`);
    const isNext = piece.at === this.#pieces.length + 1 && piece.of === of && piece.isTrouble === isTrouble;
    if (!isNext || piece.at > of) throw new BadAnswer("its pieces do not fit together");
    this.#bytes += data.length;
    if (this.#bytes > bounds.packed) throw new BadAnswer(`it has more than ${bounds.packed} bytes`);
    // A copy: what came is a part of all that the socket had, which would be kept with it.
    this.#pieces.push(new Uint8Array(data));
    return piece.at === of ? { packed: Buffer.concat(this.#pieces), isTrouble, bounds } : undefined;
  }
}

const [packing, unpacking] = [promisify(gzip), promisify(gunzip)];

export const pack = async (text: string): Promise<Uint8Array> => packing(text);

/** Of what was packed. Throws `BadAnswer`, also where so much is in it that reading it would be the harm. */
export async function unpack({ packed, bounds }: Arrived): Promise<unknown> {
  const bytes = await unpacked(packed, bounds.unpacked);
  if (valuesIn(bytes) > bounds.values) throw new BadAnswer(`it has more than ${bounds.values} values`);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new BadAnswer(notToUnpack, { cause });
  }
}

const notToUnpack = "it can not be unpacked";

async function unpacked(packed: Uint8Array, most: number): Promise<Buffer> {
  try {
    return await unpacking(packed, { maxOutputLength: most });
  } catch (cause) {
    const isTooMuch = cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
    throw new BadAnswer(isTooMuch ? `unpacked, it has more than ${most} bytes` : notToUnpack, { cause });
  }
}

/** What separates or begins them. Those in texts count too: there are few. */
const [comma, bracket, brace] = [0x2c, 0x5b, 0x7b];

function valuesIn(bytes: Uint8Array): number {
  let count = 1;
  for (const byte of bytes) if (byte === comma || byte === bracket || byte === brace) count++;
  return count;
}
