import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../host/until.ts";
import { useFolder } from "./folder.ts";
import { cli, memoryIo } from "./cli.ts";
import { main } from "../../agent/cli.ts";
import { dogstatsdSink } from "../../emit/dogstatsd/sink.ts";
import { z } from "zod";

const told = z.object({
  url: z.string(),
  dogstatsd: z.array(z.string()),
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

  it("receives metrics on a unix socket, and evaluates a monitor by them as often as it is told", async () => {
    const socket = `${path()}/dsd`;
    const one = await start("--json", "--dogstatsd", `unix://${socket}`, "--hostname", "h1", "--evaluate", "100ms");
    const { url, dogstatsd, organisations } = told.parse(JSON.parse(one.out));
    assert.deepEqual(dogstatsd, [`unix://${socket}`]);
    const { api_key: apiKey, app_key: appKey } = organisations[0]!;
    const monitor = {
      type: "query alert",
      name: "n",
      query: "max(last_5m):sum:overlaywatch.fdb.misplaced{*} by {host} > 0",
      message: "m",
      options: { thresholds: { critical: 0 }, new_group_delay: 0 },
    };
    const headers = { "DD-API-KEY": apiKey, "DD-APPLICATION-KEY": appKey };
    const made = await fetch(`${url}/api/v1/monitor`, { method: "POST", headers, body: JSON.stringify(monitor) });
    assert.equal(made.status, 200);
    const sink = dogstatsdSink({ transport: { kind: "uds", path: socket } });
    // Of some seconds ago: only a whole bucket is looked at.
    const at = Math.floor(Date.now() / 1000) - 30;
    sink.write(
      [{ name: "fdb.misplaced", type: "gauge", value: 1, tags: { docker_network: "testnet" }, at }],
      Date.now(),
    );
    await sink.flush();
    let groups = "";
    const look = async () => (groups = await (await fetch(`${url}/standin/groups`)).text());
    for (let i = 0; i < 50 && !groups.includes("Alert"); i++) await Promise.all([look(), sleep(100)]);
    assert.match(groups, /"scope":"host:h1","status":"Alert","value":1,/u);
    const metrics = await (await fetch(`${url}/standin/metrics`)).text();
    assert.match(
      metrics,
      /"name":"overlaywatch.fdb.misplaced","type":"gauge","tags":\["docker_network:testnet","host:h1"\]/u,
    );
    await sink.close();
    assert.equal(await one.end(), 0);
    assert.equal(existsSync(socket), false, "the socket is gone with it");
  });

  it("says what is wrong, and does nothing", async () => {
    assert.equal(await wrong("--port", "x"), "64 overlaywatch: --port x: expected a whole number from 0 to 65535\n");
    assert.match(await wrong("--faults", "42=1"), /^64 .*--faults 42: there is no such fault; did you mean 4/u);
    assert.match(await wrong("--faults", "cut"), /^64 .*--faults cut: expected a share from 0 to 1, as in cut=0\.1\n/u);
    assert.match(await wrong("--faults", "cut=2"), /^64 /u);
    assert.match(await wrong("--orgs", "0"), /^64 .*--orgs 0: expected a whole number from 1 to 100\n/u);
    assert.match(
      await wrong("--dogstatsd", "tcp://x"),
      /^64 .*--dogstatsd tcp:\/\/x: "tcp:\/\/x" is none of udp:\/\/HOST:PORT/u,
    );
    assert.match(await wrong("--evaluate", "2s"), /^64 .*nothing is evaluated without --dogstatsd URL\n/u);
    assert.match(
      await wrong("--dogstatsd", "unix:///x", "--evaluate", "soon"),
      /^64 .*--evaluate soon: expected a duration/u,
    );
    assert.match(
      await wrong("--dogstatsd", `unix://${path()}/no/dsd`),
      /^69 .*could not listen for DogStatsD on .*: bind: ENOENT \(its folder is not there: make it, or name another\)\n$/u,
    );
    const taken = await start("--json");
    const { port } = new URL(told.parse(JSON.parse(taken.out)).url);
    assert.match(
      await wrong("--port", port),
      /^69 overlaywatch: standin: cannot start: .*EADDRINUSE.* \(another program listens there; choose another --port, or leave it out\)\n$/u,
    );
  });
});
