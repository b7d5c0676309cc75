import assert from "node:assert/strict";
import * as fc from "fast-check";
import { NotAvailable } from "../../host/host.ts";
import { fping, readFping } from "../../host/fping.ts";
import { isRoot, needs } from "../needs.ts";

const { signal } = new AbortController();

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
});
