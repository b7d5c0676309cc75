import type { IncomingMessage } from "node:http";

/** Bytes. */
const maxBodyBytes = 16 * 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The body as text; or why there is none. Never holds more than `maxBodyBytes` and one chunk. */
export async function readBody(
  request: IncomingMessage,
): Promise<{ readonly text: string } | "too_large" | "body" | "cut"> {
  if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) return "too_large";
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve) => {
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBodyBytes) {
        request.removeAllListeners("data").pause();
        resolve("too_large");
      } else chunks.push(chunk);
    });
    request.on("end", () => resolve(textOf(Buffer.concat(chunks))));
    // Who would read the answer is gone, or was answered by Node's parser.
    request.on("error", () => resolve("cut"));
    request.on("close", () => resolve("cut"));
  });
}

function textOf(bytes: Buffer): { readonly text: string } | "body" {
  try {
    return { text: utf8.decode(bytes) };
  } catch {
    return "body";
  }
}
