import assert from "node:assert/strict";
import { type LiveSockets, liveSockets } from "../../../host/sockets/live.ts";
import { needs } from "../../needs.ts";
import { ask, endHolders, hold, type Holder, ssStates, hasTools, tools } from "./stage.ts";

const textWorker = new URL("./text-worker.js", import.meta.url);
const open = (options: { readonly program?: URL } = {}) => liveSockets({ log: () => undefined, ...options });

describe("host/sockets, with 20 000 established sockets in one namespace", () => {
  const opened: LiveSockets[] = [];

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((sockets) => sockets.close()));
    await endHolders();
  });

  it("is right, by sock_diag and by text, and says what a cycle costs", async function () {
    this.timeout(120_000);
    needs(this, tools, hasTools());
    const holder = await hold("many", 20_000);
    const [diag, text] = [open(), open({ program: textWorker })];
    opened.push(diag, text);
    const truth = ssStates(holder);
    assert.equal(truth.established, 20_000);
    for (const sockets of [diag, text])
      for (let cycle = 0; cycle < 3; cycle++) assert.deepEqual((await ask(sockets, holder)).states, truth);
    const [cheap, dear] = [await cost(diag, holder, 21), await cost(text, holder, 5)];
    process.stderr.write(
      `      a cycle with 20 000 established sockets, CPU: sock_diag ${cheap.toFixed(1)} ms, text ${dear.toFixed(1)} ms\n`,
    );
    // To be told apart even on a machine that is busy with something else.
    assert.ok(cheap < dear, `sock_diag ${cheap} ms, text ${dear} ms`);
  });

  it("asks an idle namespace next to nothing", async function () {
    needs(this, tools, hasTools());
    const holder = await hold("idle");
    const diag = open();
    opened.push(diag);
    for (let cycle = 0; cycle < 50; cycle++) await ask(diag, holder);
    const cheap = await cost(diag, holder, 201);
    process.stderr.write(
      `      a cycle with one listener, CPU: ${cheap.toFixed(3)} ms, the messages between threads included\n`,
    );
    assert.ok(cheap < 5, `${cheap} ms`);
  });
});

/** Milliseconds of CPU of one reading, all threads, the median. */
async function cost(sockets: LiveSockets, holder: Holder, readings: number): Promise<number> {
  const spent: number[] = [];
  for (let i = 0; i < readings; i++) {
    const before = process.cpuUsage();
    await ask(sockets, holder);
    const { user, system } = process.cpuUsage(before);
    spent.push((user + system) / 1000);
  }
  return spent.toSorted((a, b) => a - b)[Math.floor(readings / 2)] ?? 0;
}
