import assert from "node:assert/strict";
import * as fc from "fast-check";
import { counterReader } from "../../../collectors/netstat/counters.ts";

const pair = (protocol: string, counters: Readonly<Record<string, number | string>>): string =>
  `${protocol}: ${Object.keys(counters).join(" ")}\n${protocol}: ${Object.values(counters).join(" ")}\n`;

const read = (text: string, names: readonly string[]) => {
  const { values, malformed } = counterReader(names)(text);
  return { values: Object.fromEntries(values), malformed };
};

describe("collectors/netstat/counters", () => {
  it("finds counters by their names, wherever a kernel has the column", () => {
    const names = ["Tcp.RetransSegs", "TcpExt.ListenDrops"];
    const old = pair("Tcp", { RtoMin: 200, MaxConn: -1, RetransSegs: 7 }) + pair("TcpExt", { ListenDrops: 3, TW: 1 });
    const recent = pair("TcpExt", { TW: 1, New: 9, ListenDrops: 3 }) + pair("Tcp", { RetransSegs: 7, New: 4 });
    const wanted = { values: { "Tcp.RetransSegs": 7, "TcpExt.ListenDrops": 3 }, malformed: [] };
    assert.deepEqual(read(old, names), wanted);
    assert.deepEqual(read(recent, names), wanted);
  });

  it("gives nothing for a counter that this kernel does not have", () => {
    assert.deepEqual(read(pair("Tcp", { InSegs: 1 }), ["Tcp.InSegs", "Tcp.RetransSegs"]).values, { "Tcp.InSegs": 1 });
  });

  it("leaves out a pair of unequal length, and keeps the others", () => {
    const text = `TcpExt: A B\nTcpExt: 1\n${pair("Udp", { NoPorts: 5 })}`;
    assert.deepEqual(read(text, ["TcpExt.A", "Udp.NoPorts"]), { values: { "Udp.NoPorts": 5 }, malformed: ["TcpExt:"] });
  });

  it("leaves out a pair whose second line is another protocol's, or no numbers", () => {
    const names = ["Tcp.InSegs"];
    assert.deepEqual(read("Tcp: InSegs\nUdp: 4\n", names), { values: {}, malformed: ["Tcp:"] });
    assert.deepEqual(read("Tcp: InSegs\nTcp: x\n", names), { values: {}, malformed: ["Tcp:"] });
    assert.deepEqual(read("Tcp: InSegs\nTcp: -4\n", names), { values: {}, malformed: ["Tcp:"] });
    assert.deepEqual(read("Tcp: InSegs\n", names), { values: {}, malformed: ["Tcp:"] });
    assert.deepEqual(read("", names), { values: {}, malformed: [] });
  });

  it("never takes another column's number, whatever the columns are, and understands each line of names by itself", () => {
    const columns = fc.uniqueArray(fc.stringMatching(/^[A-Z][a-z]{1,8}$/), { minLength: 1, maxLength: 20 });
    const reader = counterReader(["Tcp.Wanted"]);
    fc.assert(
      fc.property(columns, fc.nat(20), fc.nat(), (others, at, value) => {
        const names = others.filter((name) => name !== "Wanted");
        names.splice(at % (names.length + 1), 0, "Wanted");
        const text = pair(
          "Tcp",
          Object.fromEntries(names.map((name, i) => [name, name === "Wanted" ? value : -i - 1])),
        );
        assert.equal(reader(text).values.get("Tcp.Wanted"), value);
      }),
    );
  });
});
