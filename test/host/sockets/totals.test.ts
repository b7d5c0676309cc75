import assert from "node:assert/strict";
import { establishedRule } from "../../../host/sockets/established.ts";
import { readTotals } from "../../../host/sockets/proc-net.ts";
import { newTally } from "../../../host/sockets/states.ts";

const sockstat = "sockets: used 18\nTCP: inuse 25 orphan 16 tw 6 alloc 114 mem 84\nUDP: inuse 0 mem 0\n";
const sockstat6 = "TCP6: inuse 4\nUDP6: inuse 0\n";
const snmp =
  "Ip: Forwarding DefaultTTL\nIp: 1 64\n" +
  "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs\n" +
  "Tcp: 1 200 120000 -1 26 22 0 0 20 118 132\n";

describe("host/sockets/proc-net", () => {
  it("reads what the kernel counts, by name", () => {
    const totals = { inUse: 29, timeWait: 6, currEstab: 20, inSegs: 118 };
    assert.deepEqual(readTotals(sockstat, sockstat6, snmp), totals);
    const otherColumns = "Tcp: InSegs New CurrEstab\nTcp: 118 5 20\n";
    assert.deepEqual(readTotals(sockstat, sockstat6, otherColumns), totals);
  });

  it("takes a machine without IPv6", () => {
    assert.equal(readTotals(sockstat, "", snmp)?.inUse, 25);
  });

  it("does not guess where something is missing", () => {
    assert.equal(readTotals("TCP: inuse 25\n", sockstat6, snmp), undefined);
    assert.equal(readTotals(sockstat, "TCP6: in use 4\n", snmp), undefined);
    assert.equal(readTotals(sockstat, sockstat6, "Tcp: InSegs\nTcp: 118\n"), undefined);
    assert.equal(readTotals(sockstat, sockstat6, "Tcp: InSegs CurrEstab\nTcp: 118\n"), undefined);
    assert.equal(readTotals("", "", ""), undefined);
  });
});

const tally = (states: Readonly<Record<number, number>>) => {
  const made = newTally();
  for (const [state, count] of Object.entries(states)) made[Number(state)] = count;
  return made;
};
const [established, closeWait, listen] = [1, 8, 10];
const totals = (currEstab: number, inUse = 100) => ({ inUse, timeWait: 0, currEstab, inSegs: 0 });

describe("host/sockets/established", () => {
  it("needs no knowledge of the kernel where nothing is in CLOSE_WAIT", () => {
    assert.equal(establishedRule().derive(totals(20), tally({ [listen]: 3 })), 20);
  });

  for (const [kernel, gauge] of [
    ["a kernel that counts CLOSE_WAIT in", 24],
    ["a kernel that does not", 20],
  ] as const) {
    it(`learns from dumps on ${kernel}`, () => {
      const rule = establishedRule();
      const full = tally({ [established]: 20, [closeWait]: 4 });
      for (let dumps = 0; dumps < 3; dumps++) {
        assert.equal(rule.derive(totals(gauge), tally({ [closeWait]: 4 })), undefined);
        rule.learn(gauge, gauge, full);
      }
      assert.equal(rule.derive(totals(gauge), tally({ [closeWait]: 4 })), 20);
      // A later dump that moved under the reading does not unlearn it.
      rule.learn(1, 1, tally({ [established]: 1, [closeWait]: 3 }));
      assert.equal(rule.derive(totals(gauge), tally({ [closeWait]: 4 })), 20);
    });
  }

  it("learns nothing from what moved, from what fits neither, or without CLOSE_WAIT", () => {
    const rule = establishedRule();
    for (let dumps = 0; dumps < 5; dumps++) {
      rule.learn(23, 24, tally({ [established]: 20, [closeWait]: 4 }));
      rule.learn(22, 22, tally({ [established]: 20, [closeWait]: 4 }));
      rule.learn(20, 20, tally({ [established]: 20 }));
      rule.learn(24, Number.NaN, tally({ [established]: 20, [closeWait]: 4 }));
    }
    assert.equal(rule.derive(totals(24), tally({ [closeWait]: 4 })), undefined);
  });

  it("never makes a negative number of two readings, nor believes a gauge above the sockets that there are", () => {
    const rule = establishedRule();
    for (let dumps = 0; dumps < 3; dumps++) rule.learn(24, 24, tally({ [established]: 20, [closeWait]: 4 }));
    assert.equal(rule.derive(totals(2), tally({ [closeWait]: 4 })), 0);
    assert.equal(rule.derive(totals(98), tally({ [listen]: 3 })), undefined);
    assert.equal(rule.derive(totals(97), tally({ [listen]: 3 })), 97);
    assert.equal(rule.derive(totals(2 ** 64 - 1), tally({})), undefined);
  });
});
