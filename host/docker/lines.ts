const newline = 0x0a;

/**
 * JSON objects one a line, from chunks that may end anywhere, also inside a character: lines are cut as bytes, and
 * only whole ones are decoded. Empty lines are skipped. Throws an Error on a line over `maxLine` bytes, one that is
 * not JSON, and on an end inside a line.
 */
export async function* jsonLines(chunks: AsyncIterable<unknown>, maxLine: number): AsyncGenerator {
  let rest: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError(`the stream gave ${typeof chunk}, not bytes`);
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      refuseLong(held + end - from, maxLine);
      yield* parsed([...rest, chunk.subarray(from, end)]);
      rest = [];
      held = 0;
      from = end + 1;
    }
    held += chunk.length - from;
    refuseLong(held, maxLine);
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  if (held > 0) throw new Error(`the stream broke off in the middle of a line, after ${held} bytes of it`);
}

function* parsed(parts: Uint8Array[]): Generator {
  const line = Buffer.concat(parts).toString("utf8");
  if (line.trim() !== "") yield parse(line);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`the stream holds a line that is not JSON: ${JSON.stringify(line.slice(0, 80))}`, { cause });
  }
}

function refuseLong(length: number, maxLine: number): void {
  if (length > maxLine) throw new Error(`the stream holds a line of more than ${maxLine} bytes`);
}
