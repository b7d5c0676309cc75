/** ICMP echo of RFC 792, as far as a probe needs it. */
const [request, reply] = [8, 0];

/** The packet that goes out; the kernel puts the IP header before it. */
export function echoRequest(id: number, sequence: number): Uint8Array {
  const packet = new Uint8Array(64);
  const view = new DataView(packet.buffer);
  view.setUint8(0, request);
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  view.setUint16(2, checksum(packet));
  return packet;
}

/**
 * The sequence number, where a socket received the answer to one of ours. With an `id` it is a raw socket's, which comes with
 * its IP header; without one a ping socket's, which comes without, and is the answer to that socket.
 */
export function answeredSequence(packet: Uint8Array, id: number | undefined): number | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const header = id === undefined ? 0 : headerOf(view);
  if (header === undefined || packet.length < header + 8 || view.getUint8(header) !== reply) return undefined;
  return id === undefined || view.getUint16(header + 4) === id ? view.getUint16(header + 6) : undefined;
}

/** Bytes of an IP header. */
function headerOf(view: DataView): number | undefined {
  const header = view.byteLength === 0 ? 0 : (view.getUint8(0) & 15) * 4;
  return header < 20 ? undefined : header;
}

/** RFC 1071: the ones' complement of the ones' complement sum of all 16-bit words. */
function checksum(packet: Uint8Array): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let sum = 0;
  for (let at = 0; at + 1 < packet.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
