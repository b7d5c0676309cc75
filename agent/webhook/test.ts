import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { askGateway } from "../../dispatch/gateway/ask.ts";
import { testCycle } from "../../dispatch/job.ts";
import { printable } from "../../emit/console/table.ts";
import type { Io } from "../command.ts";
import type { Config } from "../config/schema.ts";
import { errorText } from "../error-text.ts";
import { ConfigError, exitCodes } from "../exit-codes.ts";
import { hostIdentity, NoIdentity } from "../identity.ts";
import { askWorker, type JobView } from "../worker-socket.ts";
import { identificationOf, placeOf } from "./place.ts";
import { readToken, thereOf } from "./tokens.ts";

interface Wanted {
  readonly asJson: boolean;
  readonly url: string | undefined;
}

/** What came of one sample. */
interface TestJson {
  readonly url: string;
  readonly host: string;
  /** Of the answer; null where there was none. */
  readonly code: number | null;
  readonly answer: unknown;
  /** How the job stands at the worker; null where that can not be asked. */
  readonly job: JobView | null;
  readonly ok: boolean;
  /** What to do where it is not. */
  readonly advice: string;
}

const answerSchema = z.object({
  status: z.string().optional(),
  error: z.string().optional(),
  job: z.string().optional(),
  reason: z.string().optional(),
  trace: z.string().optional(),
});

/** Milliseconds: for the answer; for the job to come to its end; between two questions for it. */
const [answerWithin, endWithin, askEvery] = [15_000, 30_000, 250];

/** Sends a sample to one's own gateway and tells what came of it; gives the exit code. */
export async function testWebhook(config: Config, io: Io, { asJson, url }: Wanted): Promise<number> {
  const outcome = await tried(config, io, url);
  io.stdout.write(asJson ? `${JSON.stringify(outcome, undefined, 1)}\n` : pageOf(outcome));
  return outcome.ok ? exitCodes.ok : exitCodes.failed;
}

async function tried(config: Config, io: Io, flag: string | undefined): Promise<TestJson> {
  const [file] = thereOf(config.webhook.token_files);
  if (file === undefined) throw new ConfigError("webhook.token_files: names no file, so there is no token to send");
  const [token, host] = [readToken(file), await hostOf(config, io)];
  const event = String(randomInt(2 ** 47, 2 ** 48 - 1));
  const expects = await expected(config.worker.control_socket, event);
  const pinned = flag === undefined ? identificationOf(config.webhook)?.cert : undefined;
  const url = flag ?? ownUrl(config);
  const asked = { url, host, code: null, answer: null, job: null, ok: false } as const;
  try {
    const body = JSON.stringify(sampleOf(config, host, event));
    const question = { url, token, body, timeoutMs: answerWithin, ...(pinned !== undefined && { pinned }) };
    const { code, body: said } = await askGateway(question);
    const answer = readAnswer(said);
    const seen = { ...asked, code, answer };
    if (code !== 202 || answer.status !== "accepted") return { ...seen, advice: adviceFor(code, answer.status) };
    return { ...seen, ...(await followed(config.worker.control_socket, answer.job ?? "", expects, io.signal)) };
  } catch (error) {
    return { ...asked, advice: adviceOnError(error, config) };
  }
}

/** A worker that knows which event is about to come takes its coming as a proof that the way is right. False where it can not be asked. */
async function expected(socket: string, event: string): Promise<boolean> {
  try {
    await askWorker(socket, { v: 1, ask: "expect", event });
    return true;
  } catch {
    return false;
  }
}

async function hostOf(config: Config, { env }: Io): Promise<string> {
  try {
    return (await hostIdentity(config, env)).host;
  } catch (cause) {
    if (cause instanceof NoIdentity) throw new ConfigError(cause.message, { cause });
    throw cause;
  }
}

/** Who listens on all addresses is asked on loopback. */
function ownUrl({ webhook }: Config): string {
  const { host, port } = placeOf(webhook);
  const to = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  return `http${webhook.tls.cert_file === "" ? "" : "s"}://${to}:${port}${webhook.path}`;
}

const firstId = (ids: readonly string[]): string => ids.find((id) => id !== "any") ?? "1";

function sampleOf({ webhook }: Config, host: string, event: string) {
  return {
    version: "1",
    monitor_id: firstId(webhook.monitors),
    cycle: testCycle + event,
    transition: "Triggered",
    event,
    host,
    scope: `host:${host}`,
    tags: `host:${host}`,
    title: "overlaywatch webhook test: a test, nothing has happened",
    date: String(Date.now()),
    org: firstId(webhook.orgs),
    link: "",
  };
}

function readAnswer(text: string): z.output<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

const good: readonly JobView["state"][] = ["healthy", "observed"];
const open: readonly JobView["state"][] = ["waiting", "working"];

async function followed(
  socket: string,
  id: string,
  expects: boolean,
  signal: AbortSignal,
): Promise<Pick<TestJson, "job" | "ok" | "advice">> {
  if (!expects)
    return {
      job: null,
      ok: true,
      advice: `what came of it can not be asked at ${socket}: see the journal for its trace`,
    };
  const until = performance.now() + endWithin;
  let job: JobView | undefined;
  do {
    await sleep(job === undefined ? 0 : askEvery, undefined, { signal });
    [job] = (await askWorker(socket, { v: 1, ask: "job", id })).jobs;
  } while (job !== undefined && open.includes(job.state) && performance.now() < until);
  if (job === undefined) return { job: null, ok: false, advice: "the worker does not know the job: ask its journal" };
  if (good.includes(job.state)) return { job, ok: true, advice: "" };
  // It got there and back, which is what is tested.
  if (job.state === "refused") return { job, ok: true, advice: "nothing would be healed on this host now" };
  return {
    job,
    ok: false,
    advice: open.includes(job.state) ? `it has not ended within ${endWithin / 1000} s` : job.message,
  };
}

const advices: ReadonlyMap<number, string> = new Map([
  [400, "what it was sent came there changed: is there a proxy that rewrites it?"],
  [
    401,
    "the token of the first of webhook.token_files is not one that the gateway has: was it started with another configuration?",
  ],
  [
    403,
    "the sender is not in webhook.sources, or monitor or organisation are not allowed there: was it started with another configuration?",
  ],
  [404, "it listens on another path, or this is not the gateway: see webhook.path"],
  [409, "the clocks of this host and of the gateway differ"],
  [422, "the gateway does not know this host: add its name to webhook.hosts there"],
  [429, "too many failures from here within a minute: wait"],
  [503, "it could not hand the job over: start `overlaywatch worker`, and see worker.jobs_socket"],
]);

function adviceFor(code: number, status: string | undefined): string {
  if (status === "rate_limited") return "more pages than webhook.max_per_minute, or too many jobs wait at the worker";
  if (status === "paused")
    return "the whole fleet is paused: `overlaywatch pause --fleet` on the gateway's machine says why";
  return advices.get(code) ?? "this is not an answer of the gateway: see who listens there";
}

function adviceOnError(error: unknown, { webhook }: Config): string {
  const said = errorText(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ECONNREFUSED") return `${said}: nobody listens there: start \`overlaywatch webhook\``;
  if (webhook.tls.client_ca_file !== "" && /certificate required|handshake|ECONNRESET/iu.test(`${said} ${code}`))
    return `${said}: the gateway asks for a client certificate, and this test has none: test without webhook.tls.client_ca_file, or by curl`;
  if (/CERT|SELF_SIGNED|SSL|TLS/u.test(code))
    return `${said}: its certificate is not trusted here, or not for that name`;
  return said;
}

function pageOf({ url, host, code, answer, job, ok, advice }: TestJson): string {
  const lines = [
    `sent a sample for ${host} to ${url}`,
    ...(code === null ? [] : [`answered: ${code} ${JSON.stringify(answer)}`]),
    ...(job === null ? [] : [`the worker: ${job.state}: ${job.message}`]),
    ...(advice === "" ? [] : [advice]),
    ok ? "The way from the gateway to this host works." : "It did not work.",
  ];
  return `${lines.map((line) => printable(line)).join("\n")}\n`;
}
