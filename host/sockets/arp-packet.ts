/** RFC 826 on Ethernet. */
export const etherTypeArp = 0x0806;
const [request, reply] = [1, 2];

export interface ArpEnds {
  readonly mac: string;
  readonly ip: number;
  /** Who is asked for. */
  readonly target: number;
}

/** The broadcast frame "who has TARGET? tell IP", as long as Ethernet's shortest. */
export function arpRequest({ mac, ip, target }: ArpEnds): Uint8Array {
  const frame = new Uint8Array(60);
  const view = new DataView(frame.buffer);
  const own = mac.split(":").map((part) => Number.parseInt(part, 16));
  frame.fill(0xff, 0, 6);
  frame.set(own, 6);
  view.setUint16(12, etherTypeArp);
  // Ethernet and IPv4, with lengths of 6 and 4.
  frame.set([0, 1, 8, 0, 6, 4], 14);
  view.setUint16(20, request);
  frame.set(own, 22);
  view.setUint32(28, ip);
  view.setUint32(38, target);
  return frame;
}

/** The MAC that a frame says the target has; undefined where it is no answer to our question. */
export function answeredMac(frame: Uint8Array, { ip, target }: ArpEnds): string | undefined {
  if (frame.length < 42) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(12) !== etherTypeArp || view.getUint16(20) !== reply) return undefined;
  if (view.getUint32(28) !== target || view.getUint32(38) !== ip) return undefined;
  return [...frame.subarray(22, 28)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
