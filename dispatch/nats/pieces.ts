import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { maxPackedBytes, maxUnpackedBytes } from "../helper/protocol.ts";

/** Bytes of a piece, where the broker takes so many; beside them the headers, of which none is longer than this. */
const [pieceBytes, headerBytes] = [256 * 1024, 1024];

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

/** One at least, each so short that a broker with that `max_payload` takes it. */
export function cut(packed: Uint8Array, maxPayload: number): readonly Uint8Array[] {
  const size = Math.max(1, Math.min(pieceBytes, maxPayload - headerBytes));
  const count = Math.max(1, Math.ceil(packed.length / size));
  return Array.from({ length: count }, (_, at) => packed.subarray(at * size, (at + 1) * size));
}

/** The answer is not one. */
export class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

/** An answer that arrives: its pieces in their order, as a broker keeps it, and of one kind. */
export class Arriving {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #first: Piece | undefined;

  get bytes(): number {
    return this.#bytes;
  }

  /** The whole where this was the last. Throws `BadAnswer`. */
  add(piece: Piece, data: Uint8Array): { readonly packed: Uint8Array; readonly isTrouble: boolean } | undefined {
    this.#first ??= piece;
    const { of, isTrouble } = this.#first;
    const isNext = piece.at === this.#pieces.length + 1 && piece.of === of && piece.isTrouble === isTrouble;
    if (!isNext || piece.at > of) throw new BadAnswer("its pieces do not fit together");
    this.#bytes += data.length;
    if (this.#bytes > maxPackedBytes) throw new BadAnswer(`it has more than ${maxPackedBytes} bytes`);
    this.#pieces.push(data);
    return piece.at === of ? { packed: Buffer.concat(this.#pieces), isTrouble } : undefined;
  }
}

const [packing, unpacking] = [promisify(gzip), promisify(gunzip)];

export const pack = async (text: string): Promise<Uint8Array> => packing(text);

/** Of what was packed. Throws `BadAnswer`, also where so much is in it that reading it would be the harm. */
export async function unpack(packed: Uint8Array): Promise<unknown> {
  try {
    const bytes = await unpacking(packed, { maxOutputLength: maxUnpackedBytes });
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    const isTooMuch = cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
    throw new BadAnswer(isTooMuch ? `unpacked, it has more than ${maxUnpackedBytes} bytes` : "it can not be unpacked", {
      cause,
    });
  }
}
