/** One value of MessagePack and where the next one begins; texts and binary data are Buffers, as old writers mix them. */
export interface Unpacked {
  readonly value: unknown;
  readonly next: number;
}

/** Only what memberlist writes: maps, lists, texts, whole numbers, yes and no. Throws for anything else. */
export function unpack(bytes: Buffer, at: number): Unpacked {
  const head = bytes.readUInt8(at);
  const short = shortForm(bytes, at, head);
  if (short !== undefined) return short;
  const form = forms[head];
  if (form === undefined) throw new Error(`not a value of MessagePack: 0x${head.toString(16)}`);
  return form(bytes, at + 1);
}

/** Small values have their length, or themselves, in the first byte. */
function shortForm(bytes: Buffer, at: number, head: number): Unpacked | undefined {
  if (head < 0x80) return { value: head, next: at + 1 };
  if (head < 0x90) return map(bytes, at + 1, head & 0x0f);
  if (head < 0xa0) return list(bytes, at + 1, head & 0x0f);
  if (head < 0xc0) return raw(bytes, at + 1, head & 0x1f);
  return head < 0xe0 ? undefined : { value: head - 0x100, next: at + 1 };
}

type Form = (bytes: Buffer, at: number) => Unpacked;
type Sized = (bytes: Buffer, at: number, length: number) => Unpacked;

const sizedBy =
  (bytes: 1 | 2 | 4, read: Sized): Form =>
  (all, at) =>
    read(all, at + bytes, all.readUIntBE(at, bytes));

const constant =
  (value: unknown): Form =>
  (_, next) => ({ value, next });

const unsigned =
  (bytes: 1 | 2 | 4): Form =>
  (all, at) => ({ value: all.readUIntBE(at, bytes), next: at + bytes });

const forms: Readonly<Record<number, Form>> = {
  0xc0: constant(undefined),
  0xc2: constant(false),
  0xc3: constant(true),
  0xc4: sizedBy(1, raw),
  0xc5: sizedBy(2, raw),
  0xc6: sizedBy(4, raw),
  0xcc: unsigned(1),
  0xcd: unsigned(2),
  0xce: unsigned(4),
  0xcf: (all, at) => ({ value: Number(all.readBigUInt64BE(at)), next: at + 8 }),
  0xd9: sizedBy(1, raw),
  0xda: sizedBy(2, raw),
  0xdb: sizedBy(4, raw),
  0xdc: sizedBy(2, list),
  0xde: sizedBy(2, map),
};

function raw(bytes: Buffer, at: number, length: number): Unpacked {
  if (at + length > bytes.length) throw new Error("a value of MessagePack that breaks off");
  return { value: bytes.subarray(at, at + length), next: at + length };
}

function list(bytes: Buffer, at: number, length: number): Unpacked {
  const values: unknown[] = [];
  let next = at;
  for (let index = 0; index < length; index++) {
    const one = unpack(bytes, next);
    values.push(one.value);
    next = one.next;
  }
  return { value: values, next };
}

function map(bytes: Buffer, at: number, length: number): Unpacked {
  const { value, next } = list(bytes, at, length * 2);
  const flat: readonly unknown[] = Array.isArray(value) ? value : [];
  const pairs = Array.from({ length }, (_, index) => [String(flat[index * 2]), flat[index * 2 + 1]] as const);
  return { value: new Map<string, unknown>(pairs), next };
}
