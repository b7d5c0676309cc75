import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fc from "fast-check";
import { NotAvailable } from "../../host/host.ts";
import { fping, fpingTraceless, readFping, readKnown } from "../../host/fping.ts";
import { isRoot, needs } from "../needs.ts";

const { signal } = new AbortController();

const iproute = (...args: readonly string[]): string => execFileSync("/usr/sbin/ip", args, { encoding: "utf8" });

describe("host/fping", () => {
  it("reads losses and the median of the answers, and nothing of what else it says", () => {
    const said = [
      "ICMP Host Unreachable from 10.0.0.2 for ICMP Echo sent to 10.0.0.9",
      "10.0.0.4 : 0.30 - 0.10",
      "10.0.0.5  : - - -",
      "10.0.0.6  : 1.50 0.50 0.75",
      "10.0.0.7 : 0.1 x",
      "999.0.0.7 : 0.1",
      "[<- 10.0.0.4] late",
    ];
    assert.deepEqual(Object.fromEntries(readFping(said.join("\n"))), {
      "10.0.0.4": { loss: 1 - 2 / 3, rtt: 0.0001 },
      "10.0.0.5": { loss: 1 },
      "10.0.0.6": { loss: 0, rtt: 0.00075 },
    });
  });

  it("never throws, and every loss is between 0 and 1", () => {
    const time = fc.oneof(
      fc.constant("-"),
      fc.double({ min: 0, max: 1e4, noNaN: true }).map((ms) => ms.toFixed(2)),
    );
    const line = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.ipV4(), fc.array(time, { minLength: 1, maxLength: 5 }))
        .map(([ip, times]) => `${ip} : ${times.join(" ")}`),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const { loss, rtt } of readFping(lines.join("\n")).values()) {
          assert.ok(loss >= 0 && loss <= 1);
          assert.equal(rtt === undefined, loss === 1);
        }
      }),
    );
  });

  it("takes addresses only", async () => {
    for (const odd of ["-h", "10.0.0.1 10.0.0.2", "name", "", "fd00::1"])
      await assert.rejects(fping("/proc/self/ns/net", [odd], signal), TypeError);
    assert.deepEqual([...(await fping("/none", [], signal))], []);
  });

  it("pings from inside a namespace, and tells who does not answer", async function () {
    needs(this, "root", isRoot());
    const answers = await fping("/proc/self/ns/net", ["127.0.0.1", "127.0.0.2"], signal);
    assert.deepEqual(
      [...answers.values()].map(({ loss }) => loss),
      [0, 0],
    );
    assert.ok([...answers.values()].every(({ rtt = 1 }) => rtt < 0.1));
    await assert.rejects(fping("/proc/self/ns/none", ["127.0.0.1"], signal), NotAvailable);
  });

  it("reads what the kernel knows of neighbours, in whatever state", () => {
    const text = [
      "10.0.0.4 dev eth0 lladdr 02:42:0a:00:00:04 STALE ",
      "10.0.0.5 dev eth0 lladdr 02:42:0a:00:00:05 extern_learn  REACHABLE",
      "10.0.0.6 dev eth1  FAILED",
      "nonsense",
    ].join("\n");
    assert.deepEqual(
      [...readKnown(text).values()].map(({ ip, dev, mac = "", state }) => [ip, dev, mac.slice(-2), state].join(" ")),
      ["10.0.0.4 eth0 04 STALE", "10.0.0.5 eth0 05 REACHABLE", "10.0.0.6 eth1  FAILED"],
    );
  });

  it("leaves nothing behind for the kernel to ask about, and what was known as it was", async function () {
    needs(this, "root", isRoot());
    const [here, there] = [`ow-ping-a-${process.pid}`, `ow-ping-b-${process.pid}`];
    try {
      for (const one of [here, there]) iproute("netns", "add", one);
      iproute("-n", here, "link", "add", "p0", "type", "veth", "peer", "name", "p1", "netns", there);
      iproute("-n", here, "addr", "add", "10.9.9.1/24", "dev", "p0");
      for (const n of [2, 3, 4]) iproute("-n", there, "addr", "add", `10.9.9.${n}/24`, "dev", "p1");
      for (const [one, device] of [[here, "p0"] as const, [there, "p1"] as const])
        iproute("-n", one, "link", "set", device, "up");
      const [, mac = ""] = /link\/ether (\S+)/u.exec(iproute("-n", there, "link", "show", "p1")) ?? [];
      iproute("-n", here, "neigh", "add", "10.9.9.3", "lladdr", mac, "dev", "p0", "nud", "stale");
      iproute("-n", here, "neigh", "add", "10.9.9.4", "lladdr", mac, "dev", "p0", "nud", "permanent");
      const known = (): readonly string[] =>
        [...readKnown(iproute("-n", here, "-4", "-o", "neigh", "show")).values()]
          .map((one) => `${one.ip} ${one.state}`)
          .toSorted();
      const before = known();
      const targets = ["10.9.9.2", "10.9.9.3", "10.9.9.4", "10.9.9.77"];
      const answers = await fpingTraceless(`/run/netns/${here}`, targets, signal);
      assert.deepEqual(
        [...answers.values()].map(({ loss }) => loss),
        [0, 0, 0, 1],
      );
      assert.deepEqual(known(), before);
      await fping(`/run/netns/${here}`, targets, signal);
      assert.notDeepEqual(known(), before, "a plain ping leaves traces");
    } finally {
      for (const one of [here, there]) spawnSync("/usr/sbin/ip", ["netns", "del", one]);
    }
  });
});
