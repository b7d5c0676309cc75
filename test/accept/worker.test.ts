import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { localHandOver } from "../../dispatch/local/hand-over.ts";
import { decodeLines } from "../../dispatch/worker/journal.ts";
import type { Message } from "../../emit/dogstatsd/parse.ts";
import { type Receiver, startReceiver } from "../../emit/dogstatsd/receiver.ts";
import { addressOf, loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { pause, until } from "../../lab/process.ts";
import { jobOf } from "../dispatch/worker/made.ts";
import { useLab } from "../lab/fixture.ts";
import { figure, sized } from "./length.ts";
import { readJournal, type Stored } from "./pipeline.ts";
import { endAll, onHost, type Program, says } from "./program.ts";
import { Treatment } from "./treatment.ts";

/** As Datadog has it, which is not the machine's own name. */
const name = "lab-1.example";

describe("accept: worker", function () {
  this.timeout(sized(1_200_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;
  let receiver: Receiver;
  let messages: Message[];
  let since: number;

  beforeEach(async () => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
    await here.host.settle();
    [messages, since] = [[], Date.now() / 1000];
    receiver = await startReceiver({ uds: { path: at("dsd.sock") } }, (message) => void messages.push(message));
    await says(onHost(host, ["helperd", "--socket", at("helper/h.sock"), "--state-dir", here.state]), /listen/u);
  });
  afterEach(async () => {
    endAll();
    await receiver.close();
    await lab().unpin();
    await lab().mend();
    here.forget();
  });

  const at = (file: string): string => join(here.state, file);
  const settings = (): Readonly<Record<string, string>> => ({
    DD_DOGSTATSD_URL: `unix://${at("dsd.sock")}`,
    OVERLAYWATCH_WORKER_HOSTNAME: name,
    OVERLAYWATCH_WORKER_DATADOG_CONFIG: at("none"),
    OVERLAYWATCH_WORKER_JOBS_SOCKET: at("jobs.sock"),
    OVERLAYWATCH_WORKER_CONTROL_SOCKET: at("control.sock"),
    OVERLAYWATCH_WORKER_HELPER_SOCKET: at("helper/h.sock"),
    OVERLAYWATCH_WORKER_RECHECKS: "2s,4s",
  });
  const worker = async (mode: string): Promise<Program> => {
    const program = onHost(host, ["worker", "--mode", mode, "--state-dir", at("worker")], settings());
    await says(program, /the helper answers/u);
    return program;
  };
  const noted = async (): Promise<readonly Stored[]> => readJournal(host, since, "job");
  const comesTo = async (state: string, program: Program): Promise<Stored> =>
    until(
      async () => (await noted()).find((one) => one.state === state),
      30_000,
      () => new Error(`not ${state}: ${program.err()}`),
    );
  const page = async (program: Program): Promise<string> => {
    const job = jobOf(String(Math.random()), Date.now(), { host: name });
    const { answer } = await localHandOver(at("jobs.sock")).offer(job);
    assert.equal(answer, "accepted", program.err());
    return job.trace;
  };
  const events = () => messages.flatMap((one) => (one.kind === "event" ? [one] : []));

  it("observe: tells what would be done, by one trace everywhere, and changes nothing", async () => {
    const program = await worker("observe");
    await lab().break();
    const before = await here.tables();
    const trace = await page(program);
    const { message } = await comesTo("observed", program);
    assert.match(message, /changes would be made for [AB]1/u);
    await here.unwritten(before);
    assert.ok(!existsSync(at("undo")), "nothing to undo");
    assert.ok((await noted()).every((one) => one.trace === trace));
    const kept = readFileSync(at("worker/worker-jobs.jsonl"), "utf8").trim().split("\n");
    assert.deepEqual(
      [...decodeLines(kept, "jobs").values()].map(({ job, state }) => [job.trace, state]),
      [[trace, "observed"]],
    );
    await until(
      async () => events().length > 0 || undefined,
      5000,
      () => new Error("no event"),
    );
    const [event] = events();
    assert.ok(event?.alert_type === "warning" && event.tags.includes(`trace:${trace}`) && event.title.startsWith(name));
    assert.equal((await program.stop()).code, 0, program.err());
  });

  it("approve: waits, and heals when a person says so; the cure is looked at again", async () => {
    const program = await worker("approve");
    await lab().break();
    const before = await here.tables();
    const trace = await page(program);
    await comesTo("approval", program);
    await pause(1000);
    await here.unwritten(before);
    const list = onHost(host, ["approve", "--json"], settings());
    assert.equal(await list.ended, 0, list.err());
    const [, id = ""] = /"id": "([0-9a-f]{64})"/u.exec(list.out()) ?? [];
    const approve = onHost(host, ["approve", id], settings());
    assert.equal(await approve.ended, 0, approve.err());
    const { stored } = await comesTo("healed", program);
    const [ordered = 0] = (await noted())
      .filter(({ message }) => message.startsWith("approved by"))
      .map((one) => one.stored);
    figure(`order to verified heal: ${((stored - ordered) / 1e6).toFixed(2)} s`);
    assert.equal(await loss(host, "A1", await addressOf(host, "B1")), 0);
    await until(
      async () => events().find(({ title }) => title.endsWith("the cure holds")),
      20_000,
      () => new Error(`no look after the cure: ${program.err()}`),
    );
    assert.ok(events().every(({ tags }) => tags.includes(`trace:${trace}`)));
    assert.match(
      events()
        .map(({ text }) => text)
        .join(" "),
      /loss 100 % before, 0 % after; to undo it: overlaywatch undo/u,
    );
    assert.equal((await program.stop()).code, 0, program.err());
  });
});
