import type { Socket } from "node:net";
import type { z } from "zod";
import { type LineServer, oneLine, serveSocket } from "../../host/line-socket.ts";
import { messageOf } from "../../host/thrown.ts";
import { controlAnswer, controlRequest, handOverAnswer, handOverRequest, maxLineBytes } from "../local/protocol.ts";
import type { Rules } from "./machine.ts";
import { isEnd, type JobRecord, sourceOf } from "./record.ts";
import type { Worker } from "./worker.ts";

/** Milliseconds for a line to come whole. */
const patience = 5000;
const mostJobs = 50;

type HandOverAnswer = z.input<typeof handOverAnswer>;
type ControlAnswer = z.input<typeof controlAnswer>;

/** For the gateway: hands jobs over and takes them back, and can do nothing else. Throws where somebody listens there. */
export async function serveJobs(path: string, worker: Pick<Worker, "offer" | "withdraw">): Promise<LineServer> {
  const answer = async (line: string): Promise<HandOverAnswer> => {
    const request = handOverRequest.safeParse(parsed(line));
    if (!request.success) return { error: `no request: ${firstIssue(request.error)}` };
    return "offer" in request.data ? worker.offer(request.data.offer) : worker.withdraw(request.data.withdraw);
  };
  return serveSocket(path, { mode: 0o660, maxConnections: 256 }, (socket) => void serve(socket, answer));
}

interface Host {
  readonly host: string;
  readonly mode: Rules["mode"];
  readonly inForce: Rules["mode"];
}

/** For operators: it can approve, so it is for this user and root alone. */
export async function serveControl(path: string, worker: Worker, host: Host): Promise<LineServer> {
  const told = (jobs: readonly JobRecord[]): ControlAnswer => {
    return { ...host, proved: worker.proved ?? null, jobs: jobs.slice(0, mostJobs).map(viewOf) };
  };
  const answer = async (line: string): Promise<ControlAnswer> => {
    const request = controlRequest.safeParse(parsed(line));
    if (!request.success) return { error: `no request: ${firstIssue(request.error)}` };
    const { data } = request;
    const all = worker.records();
    switch (data.ask) {
      case "status":
        return told([...inState(all, true), ...inState(all, false), ...lastEnd(all)]);
      case "jobs":
        return told(all);
      case "expect":
        worker.expect(data.event);
        return told([]);
      case "job":
      case "approve":
        break;
    }
    const known = worker.find(data.id);
    if (known === undefined) return { error: "there is no such job, or more than one" };
    if (data.ask === "job") return told([known]);
    const approved = await worker.approve(data.id, data.by);
    return approved === undefined ? { error: `it does not wait for approval: it is ${known.state}` } : told([approved]);
  };
  return serveSocket(path, { mode: 0o600, maxConnections: 16 }, (socket) => void serve(socket, answer));
}

/** Of those that have not ended: what waits for a person, or what does not. */
const inState = (all: readonly JobRecord[], approval: boolean): readonly JobRecord[] =>
  all.filter(({ state }) => !isEnd(state) && (state === "approval") === approval);

function lastEnd(all: readonly JobRecord[]): readonly JobRecord[] {
  return all
    .filter(({ state }) => isEnd(state))
    .toSorted((a, b) => b.since - a.since)
    .slice(0, 1);
}

function viewOf(record: JobRecord) {
  const { job, state, at, since, message, plan = [], rechecks } = record;
  return {
    id: job.id,
    trace: job.trace,
    host: job.host,
    source: sourceOf(record),
    state,
    at,
    since,
    message,
    title: job.alert?.title ?? "",
    plan,
    rechecks: rechecks.map(({ due, found }) => (found === undefined ? { due } : { due, found })),
  };
}

/** One line, one answer; who is slow is dropped. */
async function serve(socket: Socket, answer: (line: string) => Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), patience);
  try {
    end(socket, await answered(await oneLine(socket, maxLineBytes), answer));
  } catch (error) {
    end(socket, { error: messageOf(error) });
  } finally {
    clearTimeout(timer);
  }
}

async function answered(line: string, answer: (line: string) => Promise<unknown>): Promise<unknown> {
  try {
    return await answer(line);
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** Destroyed once it is sent: who does not hang up must not hold a place. */
function end(socket: Socket, answer: unknown): void {
  if (!socket.destroyed) socket.end(`${JSON.stringify(answer)}\n`, () => socket.destroy());
  setTimeout(() => socket.destroy(), patience).unref();
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error("expected one line of JSON", { cause });
  }
}

const firstIssue = ({ issues: [first] }: z.ZodError): string =>
  first === undefined ? "not understood" : `${first.path.join(".")}: ${first.message}`.slice(0, 200);
