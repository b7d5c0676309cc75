import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { interfaceModel } from "../../../pipelines/record/interfaces.ts";
import { monitorParser } from "../../../pipelines/record/monitor-line.ts";

const line = (ifindex: number, name: string, removed = false) => ({
  ifindex,
  name,
  peer: undefined,
  master: undefined,
  removed,
});
const vxlan = { ifindex: 3, name: "vxlan0", kind: "vxlan" } as const;

describe("pipelines/record/interfaces", () => {
  it("takes a name that ip still prints after a rename for the same device", () => {
    const model = interfaceModel();
    model.restart("bridge");
    model.learn("bridge", line(3, "vx-000100"));
    model.learn("bridge", line(3, "vxlan0"));
    model.dump([vxlan]);
    assert.deepEqual(model.find("bridge", "vx-000100"), vxlan);
    assert.deepEqual(model.find("bridge", "vxlan0"), vxlan);
    assert.deepEqual(model.find("inet", "vxlan0"), vxlan);
  });

  it("keeps the names of one process apart from another's: a name may mean two devices", () => {
    const model = interfaceModel();
    model.restart("bridge");
    model.learn("bridge", line(4, "veth0"));
    model.learn("bridge", line(4, "old"));
    // Started later, the other process never knew device 4 as veth0.
    model.restart("inet");
    model.learn("inet", line(4, "old"));
    for (const socket of ["bridge", "inet"] as const) model.learn(socket, line(5, "veth0"));
    assert.equal(model.find("inet", "veth0")?.ifindex, 5);
    assert.equal(model.find("bridge", "old")?.ifindex, 4);
  });

  it("gives a name to the next device that gets it, once the first is gone", () => {
    const model = interfaceModel();
    model.dump([{ ifindex: 4, name: "veth0", kind: "veth" }]);
    model.learn("bridge", line(4, "veth0", true));
    assert.equal(model.find("bridge", "veth0")?.ifindex, 4, "for late lines");
    assert.equal(model.find("bridge", "if4")?.ifindex, 4);
    assert.equal(model.learn("bridge", line(9, "veth0")), true, "its kind is unknown");
    assert.equal(model.find("bridge", "veth0")?.ifindex, 9);
    model.dump([{ ifindex: 9, name: "veth0", kind: "veth" }]);
    assert.deepEqual(model.find("bridge", "veth0"), { ifindex: 9, name: "veth0", kind: "veth" });
    assert.equal(model.learn("bridge", line(9, "veth0")), false);
  });

  it("does not know what nobody told", () => {
    const model = interfaceModel();
    assert.equal(model.find("bridge", "veth0"), undefined);
    assert.equal(model.find("bridge", "if4"), undefined);
    assert.equal(model.named("veth0"), undefined);
  });

  it("keeps no memory of devices that came and went", () => {
    const model = interfaceModel();
    for (let n = 1; n < 5000; n++) {
      model.learn("bridge", line(n, `veth${n}`));
      model.learn("bridge", line(n, `veth${n}`, true));
    }
    assert.equal(model.find("bridge", "veth4999")?.ifindex, 4999);
    assert.equal(model.find("bridge", "veth1"), undefined);
  });

  it("knows the device of every row of a real capture with a rename", () => {
    const text = readFileSync(
      new URL("../../../../test/pipelines/record/captures/bridge.txt", import.meta.url),
      "utf8",
    );
    const model = interfaceModel();
    const parse = monitorParser("bridge");
    const rows = new Map<string, number | undefined>();
    for (const event of text.split("\n").map(parse)) {
      if (event?.link !== undefined) model.learn("bridge", event.link);
      else if (event?.dev !== undefined) rows.set(event.dev, model.find("bridge", event.dev)?.ifindex);
    }
    assert.equal(rows.get("vx-000100"), 3);
    // The bridge's own address is told before the bridge is.
    for (const [dev, ifindex] of rows) if (dev !== "br0") assert.ok(ifindex !== undefined, dev);
  });
});
