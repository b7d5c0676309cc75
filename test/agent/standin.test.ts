import assert from "node:assert/strict";
import { until } from "../host/until.ts";
import { useFolder } from "./folder.ts";
import { cli, memoryIo } from "./cli.ts";
import { main } from "../../agent/cli.ts";
import { z } from "zod";

const told = z.object({
  url: z.string(),
  organisations: z.array(z.object({ id: z.number(), name: z.string(), api_key: z.string(), app_key: z.string() })),
});

const keys = (text: string) => text.split("\n").slice(1);

async function wrong(...args: readonly string[]): Promise<string> {
  const { code, err } = await cli(["standin", ...args]);
  return `${code} ${err}`;
}

describe("agent/standin", () => {
  const { path } = useFolder();
  const running: AbortController[] = [];
  afterEach(() => {
    for (const one of running.splice(0)) one.abort();
  });

  const start = async (...args: readonly string[]) => {
    const stop = new AbortController();
    running.push(stop);
    const { io, text } = memoryIo({ signal: stop.signal });
    const code = main(["standin", ...args], io);
    await until("it says where it is", () => text().out.endsWith("\n"));
    return { out: text().out, text, end: () => (stop.abort(), code) };
  };

  it("says its address and keys, which work, and ends when it is told to, with a request under way", async () => {
    const one = await start("--json", "--orgs", "1");
    const { url, organisations } = told.parse(JSON.parse(one.out));
    assert.equal(organisations.length, 1);
    const { api_key: apiKey, app_key: appKey } = organisations[0]!;
    const headers = { "DD-API-KEY": apiKey, "DD-APPLICATION-KEY": appKey };
    assert.equal((await fetch(`${url}/api/v1/monitor`, { headers })).status, 200);
    await fetch(`${url}/standin/faults`, { method: "POST", body: '{"rates":{"slow":1},"slow":60000}' });
    const waiting = fetch(`${url}/api/v1/monitor`, { headers }).then(
      () => "answered",
      () => "cut",
    );
    const began = performance.now();
    assert.equal(await one.end(), 0);
    assert.equal(await waiting, "cut");
    assert.ok(performance.now() - began < 1000);
  });

  it("tells people the same", async () => {
    const { out } = await start("--seed", "7");
    assert.match(
      out,
      /^listening on http:\/\/127\.0\.0\.1:\d+\n(organisation \d+ \(stand-in \d\): DD_API_KEY=[0-9a-f]{32} DD_APP_KEY=[0-9a-f]{40}\n){2}$/u,
    );
    assert.deepEqual(keys((await start("--seed", "7")).out), keys(out), "the same seed, the same keys");
    assert.notDeepEqual(keys((await start("--seed", "8")).out), keys(out));
  });

  it("takes faults, a state and no limits", async () => {
    const one = await start("--json", "--faults", "500=1", "--unlimited", "--lag", "5s", "--state", `${path()}/s.json`);
    const { url, organisations } = told.parse(JSON.parse(one.out));
    assert.equal(
      (await fetch(`${url}/api/v1/validate`, { headers: { "DD-API-KEY": organisations[0]!.api_key } })).status,
      500,
    );
    assert.equal(await one.end(), 0);
  });

  it("says what is wrong, and does nothing", async () => {
    assert.equal(await wrong("--port", "x"), "64 overlaywatch: --port x: expected a whole number from 0 to 65535\n");
    assert.match(await wrong("--faults", "42=1"), /^64 .*--faults 42: there is no such fault; did you mean 4/u);
    assert.match(await wrong("--faults", "cut"), /^64 .*--faults cut: expected a share from 0 to 1, as in cut=0\.1\n/u);
    assert.match(await wrong("--faults", "cut=2"), /^64 /u);
    assert.match(await wrong("--orgs", "0"), /^64 .*--orgs 0: expected a whole number from 1 to 100\n/u);
    const taken = await start("--json");
    const { port } = new URL(told.parse(JSON.parse(taken.out)).url);
    assert.match(await wrong("--port", port), /^69 overlaywatch: standin: cannot start: .*EADDRINUSE/u);
  });
});
