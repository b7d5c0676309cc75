import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Ending } from "./endings.ts";
import { answerOf, attend, type GatewayParts, reply } from "./gateway.ts";
import { judgeHead, senderOf } from "./head.ts";

/** Milliseconds that a refused sender has to read its answer. */
const lingerMs = 500;

interface Intake {
  readonly parts: GatewayParts;
  /** Requests that are not answered yet. */
  readonly underWay: Set<ServerResponse>;
  /** Of connections on which a request waits for its answer: resolves when the last of them is answered. */
  readonly turns: WeakMap<Duplex, Promise<void>>;
  /** Connections on which one was refused: nothing that follows on them is looked at. */
  readonly ended: WeakSet<Duplex>;
}

export interface TakenIn {
  /** Requests that are not answered yet. */
  readonly underWay: ReadonlySet<unknown>;
  /** Closes a connection that has come to nothing before there was a request. */
  readonly turnAway: (socket: Duplex, ending: Ending) => void;
}

/** Handles all that comes to the server. */
export function takeIn(server: Server, parts: GatewayParts): TakenIn {
  const intake: Intake = { parts, underWay: new Set(), turns: new WeakMap(), ended: new WeakSet() };
  const serve = (request: IncomingMessage, response: ServerResponse) =>
    inTurn(intake, request, response, () => answer(intake, request, response));
  server.on("request", serve);
  // Without a listener Node would say `100 Continue` to whoever asks.
  server.on("checkContinue", serve);
  server.on("checkExpectation", (request, response) =>
    inTurn(intake, request, response, () => refuse(intake, request, response, "expectation")),
  );
  // Who asks for a tunnel has no response object, and Node has let go of the socket: a reset of it would be nobody's error.
  server.on("connect", (_, socket) => {
    socket.on("error", () => undefined);
    refuseRaw(intake, socket, "method");
  });
  server.on("clientError", (error, socket) => {
    // The parser of this connection has stopped. A whole request before that is answered, and that is the end.
    if (isAnswering(intake, socket)) intake.ended.add(socket);
    // Who was refused goes away within his request.
    else if (intake.ended.has(socket)) socket.destroy();
    else refuseRaw(intake, socket, parserEnding(error));
  });
  const turnAway = (socket: Duplex, ending: Ending) => {
    intake.ended.add(socket);
    tell(intake, { ending });
    socket.destroy();
  };
  return { underWay: intake.underWay, turnAway };
}

/** One after the other on each connection: of several that are sent at once, none is begun behind one that is refused. */
function inTurn(intake: Intake, { socket }: IncomingMessage, response: ServerResponse, work: () => void): void {
  const { turns, underWay, ended } = intake;
  const before = turns.get(socket);
  const turn = new Promise<void>((resolve) => {
    response.on("close", resolve);
    const begin = (): void => {
      // A response that waited behind one whose connection has ended never gets a `close` of its own.
      if (ended.has(socket) || socket.destroyed) resolve();
      else work();
    };
    if (before === undefined) begin();
    else void before.then(begin);
  });
  turns.set(socket, turn);
  underWay.add(response);
  void turn.finally(() => {
    underWay.delete(response);
    if (turns.get(socket) === turn) turns.delete(socket);
    if (ended.has(socket)) socket.destroySoon();
  });
}

function answer(intake: Intake, request: IncomingMessage, response: ServerResponse): void {
  const ending = judgeHead(request, intake.parts, intake.parts.now());
  if (ending !== undefined && ending !== "healthy") return refuse(intake, request, response, ending);
  const work = ending === "healthy" ? tellHealth(intake, response) : letIn(intake, request, response);
  work.catch((error: unknown) => {
    tell(intake, { ending: "unreachable", error: error instanceof Error ? error : new Error(String(error)) });
    response.destroy();
  });
}

const isAnswering = ({ underWay }: Intake, socket: Duplex): boolean =>
  [...underWay].some(({ req }) => req.socket === socket && req.complete);

async function tellHealth(intake: Intake, response: ServerResponse): Promise<void> {
  const { isThere, paused } = intake.parts;
  const ending = (await isThere()) ? "healthy" : "unhealthy";
  // Who asks is nobody that is known: not why.
  const isPaused = ending === "healthy" && (await paused?.()) !== undefined;
  reply(response, { ending, trace: "", ...(isPaused && { reason: "paused" }) });
  tell(intake, { ending });
}

async function letIn(intake: Intake, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { socket } = request;
  const ended = await attend(request, response, intake.parts);
  if (ended === undefined) return;
  if (answerOf(ended).code >= 400) intake.ended.add(socket);
  if (!request.complete) linger(socket);
  reply(response, ended);
  intake.parts.onEnd(ended);
}

function refuse(intake: Intake, request: IncomingMessage, response: ServerResponse, ending: Ending): void {
  intake.ended.add(request.socket);
  if (!request.complete) linger(request.socket);
  reply(response, { ending, trace: "" });
  tell(intake, { ending, sender: senderOf(request, intake.parts) });
}

function tell({ parts }: Intake, ended: { readonly ending: Ending; readonly sender?: string; readonly error?: Error }) {
  parts.onEnd({ trace: "", sender: "", ...ended });
}

/** Node's parser gives no response object with what it refuses. */
function refuseRaw(intake: Intake, socket: Duplex, ending: Ending): void {
  intake.ended.add(socket);
  tell(intake, { ending });
  if (!socket.writable) return void socket.destroy();
  const { code, headers, body } = answerOf({ ending, trace: "" });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ""}\r\n${lines.join("")}\r\n${body}`);
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function parserEnding(error: Error): Ending {
  const code = "code" in error ? error.code : undefined;
  if (code === "HPE_HEADER_OVERFLOW") return "headers_too_large";
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? "too_slow" : "malformed";
}

/**
 * A close while something unread waits makes the kernel send a reset (RFC 9112, 9.6), and the sender may then never read
 * the answer. So the end of it is told, not a byte more is read, and a little later the connection is closed.
 */
function linger(socket: Socket): void {
  socket.destroySoon = () => {
    socket.pause();
    socket.end();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };
}
