import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";

/** Of what is signed, so that no signature of this key is good for anything else. */
const domain = "overlaywatch order 1\n";

/** The gateway's key: PKCS #8 and SPKI, PEM. */
export function makeSigningKey(): { readonly secret: string; readonly public: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    secret: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    public: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** Throws an Error that has nothing of the text. */
export function readSigningKey(pem: string): KeyObject {
  return only25519(() => createPrivateKey(pem), "a private");
}

/** One or several, while one takes the other's place. Throws an Error where there is none, or one that is no such key. */
export function readGatewayKeys(pem: string): readonly KeyObject[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/gu) ?? [];
  if (blocks.length === 0) throw new Error("expected a public Ed25519 key, PEM");
  return blocks.map((block) => only25519(() => createPublicKey(block), "a public"));
}

function only25519(read: () => KeyObject, what: string): KeyObject {
  const key = readable(read);
  if (key?.asymmetricKeyType !== "ed25519") throw new Error(`expected ${what} Ed25519 key, PEM`);
  return key;
}

/** OpenSSL's errors may quote what they read. */
function readable(read: () => KeyObject): KeyObject | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

export const signatureOf = (text: string, key: KeyObject): string =>
  sign(null, Buffer.from(domain + text), key).toString("base64");

export function isSigned(bytes: Uint8Array, signature: string, keys: readonly KeyObject[]): boolean {
  // Node reads Base64 leniently.
  if (!/^[A-Za-z0-9+/]{86}==$/u.test(signature)) return false;
  const signed = Buffer.concat([Buffer.from(domain), bytes]);
  return keys.some((key) => verify(null, signed, key, Buffer.from(signature, "base64")));
}
