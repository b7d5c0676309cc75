const colon = 0x3a;

/** `02:42:0a:00:00:02`, as the kernel's tools print it: six bytes, lower case. */
export function isMac(text: string): boolean {
  if (text.length !== 17) return false;
  for (let n = 0; n < 17; n++) {
    const code = text.charCodeAt(n);
    if (n % 3 === 2 ? code !== colon : !isHex(code)) return false;
  }
  return true;
}

/** 0-9 or a-f. */
function isHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
}

/** Of no single station: multicast (lowest bit of the first byte), or all zero (vxlan's default destination). */
export function isGroupMac(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1 || mac === "00:00:00:00:00:00";
}

/**
 * A copy with memory of its own: V8 cuts strings of 13 characters and more as a view of the whole, so that one MAC in
 * a map would keep the 64 KiB that it was read with.
 */
export function detached(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
