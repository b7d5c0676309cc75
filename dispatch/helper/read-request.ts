import type { Readable } from "node:stream";
import { BadRequest, type HelperRequest, maxRequestBytes, parseRequest } from "./protocol.ts";

/** Reads the one line; what would come later is not waited for. Throws `BadRequest`, also where it is not there in time. */
export async function readRequest(input: Readable, waitMs: number): Promise<HelperRequest> {
  return parseRequest(textOf(await firstLine(input, waitMs)));
}

/** Bytes without their newline. */
async function firstLine(input: Readable, waitMs: number): Promise<Buffer> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), waitMs);
  let bytes = Buffer.alloc(0);
  try {
    return await new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new BadRequest(why));
      late.signal.addEventListener("abort", () => fail(`no whole line came within ${waitMs} ms`));
      input.on("error", (cause) => reject(new BadRequest("it can not be read", { cause })));
      input.on("end", () => fail("it ended before a whole line"));
      input.on("data", (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        const end = bytes.indexOf(0x0a);
        if (end >= maxRequestBytes || (end === -1 && bytes.length >= maxRequestBytes))
          fail(`a request has ${maxRequestBytes} bytes at most`);
        else if (end !== -1 && end < bytes.length - 1) fail("a request is one line, with nothing behind it");
        else if (end !== -1) resolve(bytes.subarray(0, end));
      });
    });
  } finally {
    clearTimeout(timer);
    input.removeAllListeners("data").pause();
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new BadRequest("a request is UTF-8", { cause });
  }
}
