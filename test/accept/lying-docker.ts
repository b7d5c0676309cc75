import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";

/** What an answer is turned into; undefined leaves it. A number is a status without a body. */
export type Lie = (path: string, answer: unknown) => unknown;

export interface LyingDocker {
  readonly path: string;
  readonly lies: () => number;
  readonly close: () => void;
}

/** A Docker socket that passes everything on to a real engine, and tells some answers otherwise. */
export async function lyingDocker(path: string, engine: string, lie: Lie): Promise<LyingDocker> {
  let lies = 0;
  const server = createServer((asked, answer) => {
    const { method = "GET", url = "/", headers } = asked;
    const onward = request({ socketPath: engine, method, path: url, headers }, (truth) => {
      if (url.includes("/events")) pass(truth, answer);
      else
        void retell(truth, answer, (value) => {
          const told = lie(url, value);
          if (told !== undefined) lies += 1;
          return told;
        });
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    asked.pipe(onward);
  });
  server.listen(path);
  await once(server, "listening");
  return {
    path,
    lies: () => lies,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function pass(truth: IncomingMessage, answer: ServerResponse): void {
  answer.writeHead(truth.statusCode ?? 500, truth.headers);
  // Events may be long in coming: that they will is told now.
  answer.flushHeaders();
  truth.pipe(answer);
}

async function retell(truth: IncomingMessage, answer: ServerResponse, lie: (value: unknown) => unknown): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of truth) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const told = lie(jsonOf(text));
  if (typeof told === "number") return void answer.writeHead(told).end();
  const type = { "content-type": truth.headers["content-type"] ?? "application/json" };
  answer.writeHead(truth.statusCode ?? 500, type).end(told === undefined ? text : JSON.stringify(told));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
