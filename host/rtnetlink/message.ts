import { little } from "./request.ts";

/** Where something lies in what the kernel sent, in bytes from the beginning; `end` is behind it. */
export interface Span {
  readonly at: number;
  readonly end: number;
}

const align = (size: number): number => (size + 3) & ~3;

/**
 * The payloads of all messages of one type, with `least` bytes each. What does not fit where it says that it lies ends
 * the walk: nothing is read beyond.
 */
export function* payloads(view: DataView, type: number, least: number): Generator<Span, void, undefined> {
  for (let at = 0; at + 16 <= view.byteLength;) {
    const size = view.getUint32(at, little);
    if (size < 16 || at + size > view.byteLength) return;
    if (view.getUint16(at + 4, little) === type && size >= 16 + least) yield { at: at + 16, end: at + size };
    at += align(size);
  }
}

/** NLA_TYPE_MASK: two bits of an attribute's type are flags. */
const typeMask = 0x3fff;

/** The contents of the first attribute of that type (linux/netlink.h, struct nlattr); undefined where there is none. */
export function attribute(view: DataView, { at: from, end }: Span, type: number): Span | undefined {
  for (let at = from; at + 4 <= end;) {
    const size = view.getUint16(at, little);
    if (size < 4 || at + size > end) return undefined;
    if ((view.getUint16(at + 2, little) & typeMask) === type) return { at: at + 4, end: at + size };
    at += align(size);
  }
  return undefined;
}

/** Undefined where the attribute is missing, or shorter than a number of that size. */
export function number(view: DataView, span: Span | undefined, bytes: 1 | 2 | 4): number | undefined {
  if (span === undefined || span.at + bytes > span.end) return undefined;
  if (bytes === 1) return view.getUint8(span.at);
  return bytes === 2 ? view.getUint16(span.at, little) : view.getUint32(span.at, little);
}

/** As `iproute2` prints it: `02:42:0a:00:00:03`, or `10.0.0.3`; undefined where it has another length. */
export function mac(view: DataView, span: Span | undefined): string | undefined {
  if (span === undefined || span.end - span.at !== 6) return undefined;
  return Array.from({ length: 6 }, (_, i) =>
    view
      .getUint8(span.at + i)
      .toString(16)
      .padStart(2, "0"),
  ).join(":");
}

export function ipv4(view: DataView, span: Span | undefined): string | undefined {
  if (span === undefined || span.end - span.at !== 4) return undefined;
  return Array.from({ length: 4 }, (_, i) => view.getUint8(span.at + i)).join(".");
}

/** IPv6 as RFC 5952 writes it: `2001:db8::2`. */
export function ip(view: DataView, span: Span | undefined): string | undefined {
  if (span === undefined || span.end - span.at !== 16) return ipv4(view, span);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(span.at + 2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

/** Up to the closing zero. */
export function text(view: DataView, span: Span | undefined): string | undefined {
  if (span === undefined) return undefined;
  const bytes = Buffer.from(view.buffer, view.byteOffset + span.at, span.end - span.at);
  const length = bytes.indexOf(0);
  return bytes.toString("utf8", 0, length < 0 ? bytes.length : length);
}
