import assert from "node:assert/strict";
import * as fc from "fast-check";
import { NotAvailable, type OverlayView } from "../../host/host.ts";
import { ProgramError } from "../../host/iproute2/error.ts";
import { otherVteps, parseRoute, routesTo } from "../../overlay/routes.ts";
import { UnreadableTable } from "../../overlay/rows.ts";

const { signal } = new AbortController();
const links = '[{"ifname":"lo","mtu":65536},{"ifname":"eth0","mtu":1400}]';
const routeOf = (to: string) => `[{"dst":"${to}","dev":"eth0","prefsrc":"172.31.240.1","flags":[],"cache":[]}]`;

interface Stage {
  readonly batch: (asked: readonly string[]) => string;
  readonly one?: (argv: readonly string[]) => string;
}

/** Gives what was run beside what was read. */
async function asked(addresses: readonly string[], { batch, one }: Stage) {
  const runs: string[] = [];
  const run: OverlayView["run"] = async (_netns, argv, { input = "" }) => {
    runs.push(argv.join(" "));
    const lines = input.split("\n").filter((line) => line !== "");
    return Promise.resolve(argv.includes("-batch") ? batch(lines) : (one?.(argv) ?? assert.fail("asked one by one")));
  };
  return { runs, routes: await routesTo(addresses, { hostNetns: "/proc/self/ns/net", run, signal }) };
}

const answering = (lines: readonly string[]): string =>
  lines.map((line) => (line === "link show" ? links : routeOf(line.replace("route get ", "")))).join("\n");

function gone(): never {
  throw new NotAvailable("there is no ip");
}

function fault(): never {
  throw new TypeError("a fault of ours");
}

function halfway(): never {
  throw failed("RTNETLINK answers: No route to host\nCommand failed -:2");
}

function allButOne(argv: readonly string[]): string {
  if (argv.includes("link")) return links;
  if (argv.includes("10.0.0.2")) throw failed("RTNETLINK answers: No route to host");
  return routeOf(argv.at(-1) ?? "");
}

const failed = (stderr: string) => new ProgramError("/proc/self/ns/net", ["ip"], { code: 2, signal: null, stderr });

describe("overlay/routes", () => {
  it("asks for all in one process, and for no more than 512", async () => {
    const many = Array.from({ length: 600 }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
    const { runs, routes } = await asked(many, { batch: answering });
    assert.deepEqual([runs, routes.length], [["ip -j -batch -"], 512]);
    assert.deepEqual(routes[511], { to: "10.1.1.255", device: "eth0", source: "172.31.240.1", mtu: 1400 });
    assert.deepEqual(await asked([], { batch: answering }), { runs: [], routes: [] });
  });

  it("asks one by one where there is no way to one, and gives the kernel's words for it", async () => {
    const { routes } = await asked(["10.0.0.1", "10.0.0.2"], { batch: halfway, one: allButOne });
    assert.deepEqual(routes, [
      { to: "10.0.0.1", device: "eth0", source: "172.31.240.1", mtu: 1400 },
      { to: "10.0.0.2", problem: "RTNETLINK answers: No route to host" },
    ]);
  });

  it("knows nothing where nothing can be run, and passes on what is no answer", async () => {
    assert.deepEqual((await asked(["10.0.0.1"], { batch: gone, one: gone })).routes, [{ to: "10.0.0.1" }]);
    await assert.rejects(asked(["10.0.0.1"], { batch: fault }), TypeError);
  });

  it("takes a short answer of the batch for none", async () => {
    const { routes } = await asked(["10.0.0.1"], {
      batch: () => links,
      one: (argv) => (argv.includes("link") ? "[]" : routeOf("10.0.0.1")),
    });
    assert.deepEqual(routes, [{ to: "10.0.0.1", device: "eth0", source: "172.31.240.1" }]);
  });

  it("prefers a route's own MTU to its device's", () => {
    const mtus = new Map([["eth0", 1500]]);
    const text = '[{"dst":"10.0.0.9","dev":"eth0","prefsrc":"10.0.0.1","metrics":[{"mtu":1300}]}]';
    assert.equal(parseRoute("10.0.0.9", text, mtus).mtu, 1300);
    assert.equal(parseRoute("10.0.0.9", routeOf("10.0.0.9"), mtus).mtu, 1500);
  });

  it("throws nothing but UnreadableTable, whatever it reads", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          assert.equal(parseRoute("10.0.0.1", text, new Map()).to, "10.0.0.1");
        } catch (error) {
          assert.ok(error instanceof UnreadableTable);
        }
      }),
    );
  });

  it("leaves this host, loops and what is no IPv4 out of the others", () => {
    const all = ["172.31.240.2", "172.31.240.1", "127.0.0.1", "0.0.0.0", "::1", "", "172.31.240.2"];
    assert.deepEqual(otherVteps(all, new Set(["172.31.240.1"])), ["172.31.240.2"]);
  });
});
