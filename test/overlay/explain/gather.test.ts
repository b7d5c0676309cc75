import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import { readCase } from "../diagnose/case.ts";
import { advertisedBy, gather } from "../../../overlay/explain/gather.ts";

const by = (clusterAdvertise: string, swarmAddress: string) => advertisedBy({ clusterAdvertise, swarmAddress });

describe("overlay/explain: what is gathered", () => {
  it("waits so long for who tells of other hosts as it is told to, and has all else", async () => {
    const input = readCase("test/overlay/diagnose/cases/swarm-28.5-healthy");
    const diagnosis = diagnose(input);
    const namespaces = input.namespaces.map((one) => {
      const namespace = { ...one, path: `/run/docker/netns/${one.file}`, inode: 1 };
      return { namespace, input: one, driver: "swarm" as const, findings: [], unjudged: [] };
    });
    const examination = { ...diagnosis, engine: undefined, driver: "swarm" as const, input, diagnosis, namespaces };
    const listed = input.namespaces.flatMap(({ network }) => network ?? []);
    const networks = listed.map((one) => ({ ...one, driver: "overlay", scope: "swarm", subnets: [], vnis: [] }));
    let asked = 0;
    const overlays = {
      hostNetns: "/proc/1/ns/net",
      run: async () => Promise.resolve("[]"),
      stored: async () => Promise.reject(new Error("not asked")),
      tasks: async (_id: string, signal: AbortSignal) => {
        asked++;
        await sleep(60_000, undefined, { signal });
        return [];
      },
    };
    const inventory = { networks, containers: [], state: "live" as const, asOf: 0, revision: 0 };
    const { signal } = new AbortController();
    const began = performance.now();
    const tables = await gather({ host: "h", examination, inventory, overlays, tellWithin: 50, signal });
    assert.ok(performance.now() - began < 2000 && asked > 0, `${asked}`);
    assert.deepEqual([...new Set(tables.networks.map(({ told }) => told))], [null]);
    assert.ok(tables.networks.every(({ space }) => space !== undefined));
    const ended = AbortSignal.abort(new Error("not wanted any more"));
    await assert.rejects(
      gather({ host: "h", examination, inventory, overlays, signal: ended }),
      /not wanted any more/u,
    );
  });

  it("tells by which address a host is known, and none where that is no IPv4", () => {
    assert.deepEqual(
      [
        by("10.1.2.3:2376", ""),
        by("", "10.1.2.3"),
        by("10.1.2.3:2376", "10.9.9.9"),
        by("", ""),
        advertisedBy(undefined),
      ],
      ["10.1.2.3", "10.1.2.3", "10.1.2.3", "", ""],
    );
    assert.deepEqual([by("[fd00::1]:2376", ""), by("", "fd00::1"), by("web-1:2376", "")], ["", "", ""]);
  });
});
