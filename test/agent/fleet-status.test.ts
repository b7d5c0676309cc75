import assert from "node:assert/strict";
import { z } from "zod";
import { textOf } from "../../agent/fleet/status.ts";
import { hostStatus } from "../../dispatch/host-status.ts";
import { until } from "../host/until.ts";
import { statusOf } from "../dispatch/nats/fleet.ts";
import { cli } from "./cli.ts";
import { useFleetWay } from "./webhook/use-fleet-way.ts";

const listed = z.object({
  hosts: z.array(
    z.strictObject({
      host: z.string(),
      answered: z.boolean(),
      answer: hostStatus.optional(),
      trouble: z.string().optional(),
    }),
  ),
});

describe("agent/fleet status", function () {
  this.timeout(60_000);
  const { env, inFleet, openGateway, openWorker, page, server } = useFleetWay(["host-a", "host-b"]);
  const keys = () => ({
    OVERLAYWATCH_BROKER_SEED_FILE: inFleet("gateway.seed"),
    OVERLAYWATCH_BROKER_SIGNING_KEY_FILE: inFleet("gateway-signing.key"),
  });
  const status = async (...args: readonly string[]) => cli(["fleet", "status", ...args], { env: env(keys()) });

  /** It says that it is connected a moment before it listens. */
  const listens = async (host: string): Promise<void> => {
    for (let tries = 0; tries < 20; tries++) if (new RegExp(`^${host} +\\d`, "mu").test((await status()).out)) return;
    assert.fail(`${host} does not listen`);
  };

  it("tells of each host, beside the gateway that runs; one that is away is told, and the rest is there", async () => {
    const gateway = await openGateway();
    const { helper, ...one } = await openWorker("host-a");
    const two = await openWorker("host-b");
    await listens("host-b");
    assert.equal((await page(gateway.url, "host-a")).code, 202);
    await until("its page is judged", () => helper.asked.some(({ verb }) => verb === "look"));
    const both = await status();
    assert.equal(both.code, 0, both.err);
    assert.match(both.out, /^HOST +VERSION +MODE +PAUSED +OPEN +LAST CURE\n/u);
    assert.match(both.out, /^host-a +\d+\.\d+\.\d+ +auto +no +\d.*\nhost-b +\d/mu);
    two.child.kill("SIGKILL");
    await until("it is gone", () => two.child.exitCode !== null || two.child.signalCode !== null);
    const began = performance.now();
    const some = await status("--within", "30s");
    assert.ok(performance.now() - began < 10_000, "who is not connected is not waited for");
    assert.equal(some.code, 1);
    assert.match(some.out, /^host-b +no answer +- +- +- +- +it is not connected to the broker$/mu);
    assert.match(some.out, /^1 of 2 hosts answered\.$/mu);
    const { hosts } = listed.parse(JSON.parse((await status("--json")).out));
    assert.deepEqual(
      hosts.map(({ host, answered, answer, trouble }) => [host, answered, answer?.host, trouble]),
      [
        ["host-a", true, "host-a", undefined],
        ["host-b", false, undefined, "it is not connected to the broker"],
      ],
    );
    assert.ok(one.child.exitCode === null);
  });

  it("has the answer of a host whose helper gives none: why nothing is healed there is not known", async () => {
    const { helper } = await openWorker("host-a");
    await until("it was heard once", () => helper.asked.some(({ verb }) => verb === "hello"));
    // Before the first question: in the next 10 s its helper is not asked again.
    helper.raw = () => undefined;
    await listens("host-a");
    const { out } = await status("--within", "4s");
    assert.match(out, /^host-a .* not known .* its helper does not answer$/mu);
  });

  it("waits as long as it is told for a host that hangs", async () => {
    const { child } = await openWorker("host-a");
    await listens("host-a");
    child.kill("SIGSTOP");
    const { code, out } = await status("--within", "300ms");
    child.kill("SIGCONT");
    assert.equal(code, 1);
    assert.match(out, /^host-a +no answer .* it has not answered within [\d.]+ s$/mu);
  });

  it("ends with 69 where the broker is not there, and with 78 where this is not the gateway's machine", async () => {
    for (const missing of Object.keys(keys())) {
      const { code, err } = await cli(["fleet", "status"], { env: env({ ...keys(), [missing]: "" }) });
      assert.equal(code, 78, missing);
      assert.match(err, /a fleet is asked on its gateway's machine/u);
    }
    // A host's own seed: it may connect, and may not ask who is in the fleet.
    const asHost = await cli(["fleet", "status"], {
      env: env({ ...keys(), OVERLAYWATCH_BROKER_SEED_FILE: inFleet("hosts/host-a.seed") }),
    });
    assert.equal(asHost.code, 69);
    assert.equal(asHost.out, "");
    await server().end("SIGKILL");
    const { code, err } = await status();
    assert.equal(code, 69);
    assert.match(err, /no connection to the broker at nats:/u);
  });

  it("takes no flag of another action, and no action takes its", async () => {
    for (const args of [
      ["status", "host-a"],
      ["status", "--dir", "/x"],
      ["status", "--finish"],
      ["status", "--within", "soon"],
      ["list", "--within", "5s"],
      ["stats"],
    ])
      assert.equal((await cli(["fleet", ...args])).code, 64, args.join(" "));
  });
});

describe("agent/fleet status: its table", () => {
  const now = 1_800_000_000_000;
  it("shows what a host does, what it is configured to, and what a person should know", () => {
    const text = textOf(
      [
        { host: "a", answer: { ...statusOf("a"), mode: "auto", inForce: "approve", open: 3, approval: 2 } },
        {
          host: "b",
          answer: { ...statusOf("b"), paused: ["paused until noon"], lastCure: { at: now - 300_000, message: "" } },
        },
        { host: "c", answer: { ...statusOf("c"), paused: null } },
        { host: "d\u001b[2J", trouble: "it has not answered within 3 s" },
      ],
      now,
      false,
    );
    assert.equal(
      text,
      `HOST  VERSION    MODE               PAUSED     OPEN             LAST CURE
a     0          approve (of auto)  no         3, 2 to approve  none       no page was seen to reach it yet
b     0          observe            yes        0                5m ago     paused until noon
c     0          observe            not known  0                none       its helper does not answer
d     no answer  -                  -          -                -          it has not answered within 3 s

3 of 4 hosts answered.
`,
    );
    assert.match(textOf([], now, false), /No host has a place/u);
  });
});
