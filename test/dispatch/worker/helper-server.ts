import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cleanup } from "../../../dispatch/worker/ask-helper.ts";
import { type HelperRequest, maxRequestBytes, parseRequest, type Verb } from "../../../dispatch/helper/protocol.ts";
import { type LineServer, oneLine, serveSocket } from "../../../host/line-socket.ts";
import { after, type Limits, noLimitsYet, stops } from "../../../overlay/remedy/limits.ts";
import { standstill } from "../../../overlay/remedy/plan.ts";
import { cleanupOf } from "./made.ts";

/** A helper that speaks the protocol over a real socket, and heals a fault that is a number: each heal takes one away. */
export class HelperServer {
  readonly asked: { readonly verb: Verb; readonly trace: string }[] = [];
  /** How often it healed something, by trace. */
  readonly effects = new Map<string, number>();
  most = 0;
  limits: Limits = noLimitsYet;
  faults: number;
  /** In place of what it would answer; by what it was asked. */
  answers: ((verb: Verb, trace: string) => Cleanup | undefined) | undefined;
  /** In place of a line. */
  raw: ((socket: Socket, trace: string) => void) | undefined;
  workMs: number;
  /** This host's tables, as it packs them. */
  packed: Uint8Array = new Uint8Array();
  #now = 0;
  #server: LineServer | undefined;

  constructor(faults = 0, workMs = 0) {
    this.faults = faults;
    this.workMs = workMs;
  }

  async listen(path: string): Promise<void> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    this.#server = await serveSocket(path, { mode: 0o600, maxConnections: 64 }, (socket) => {
      // One that went away is no matter of this one: what has begun goes on.
      void this.#serve(socket).catch(() => socket.destroy());
    });
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  async #serve(socket: Socket): Promise<void> {
    const request = parseRequest(await oneLine(socket, maxRequestBytes));
    const { verb, trace } = request;
    this.asked.push({ verb, trace });
    if (this.raw !== undefined) {
      socket.on("end", () => socket.destroy()).resume();
      return this.raw(socket, trace);
    }
    socket.end(`${JSON.stringify({ v: 1, verb, trace, ...(await this.#answer(request)) })}\n`);
  }

  async #answer(request: HelperRequest): Promise<object> {
    const { verb, trace } = request;
    if (verb === "look" || verb === "heal") return { exit: 0, result: await this.#work(verb, trace) };
    if (verb === "tables") return { packed: Buffer.from(this.packed).toString("base64") };
    if (request.verb === "pause") this.limits = after(this.limits, { ...request, kind: "fleet-paused" });
    if (request.verb === "resume") this.limits = after(this.limits, { kind: "fleet-resumed" });
    return { version: "0", pid: 1, stops: stops(this.limits, Date.now()) };
  }

  async #work(verb: Verb, trace: string): Promise<Cleanup> {
    // As the helper's own lock has it.
    if (verb === "heal" && this.#now > 0) return cleanupOf("locked");
    if (verb === "heal") this.most = Math.max(this.most, ++this.#now);
    try {
      await sleep(this.workMs);
      return this.answers?.(verb, trace) ?? this.#judged(verb, trace);
    } finally {
      if (verb === "heal") this.#now--;
    }
  }

  #judged(verb: Verb, trace: string): Cleanup {
    const stands = standstill(this.limits, Date.now());
    if (stands !== undefined) return cleanupOf("refused", { refused: [stands] });
    if (this.faults === 0) return cleanupOf("nothing");
    if (verb === "look") return cleanupOf("planned");
    this.faults--;
    this.effects.set(trace, (this.effects.get(trace) ?? 0) + 1);
    return cleanupOf("cured");
  }
}
