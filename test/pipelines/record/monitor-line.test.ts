import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import type { RecorderSocket } from "../../../pipelines/entry.ts";
import { type MonitorEvent, monitorParser } from "../../../pipelines/record/monitor-line.ts";

const stamp = "[2026-11-22T08:02:55.082412] ";
const at = Date.UTC(2026, 10, 22, 8, 2, 55) * 1000 + 82_412;

/** What an event says, without what it does not have. */
function parsed(socket: RecorderSocket, body: string): Partial<MonitorEvent> | undefined {
  const event = monitorParser(socket)(stamp + body);
  if (event === undefined) return undefined;
  assert.equal(event.at, at);
  return Object.fromEntries(
    Object.entries(event).filter(([key, value]) => key !== "at" && value !== undefined && value !== false),
  );
}

const link = (body: string) => parsed("inet", body)?.link;

describe("pipelines/record/monitor-line", () => {
  const mac = "02:42:0a:00:00:05";

  it("tells an ARP row from a vxlan row, which print alike, by the socket", () => {
    const body = `[NEIGH]10.0.0.5 dev vxlan0 lladdr ${mac} PERMANENT `;
    const common = { action: "new", dev: "vxlan0", mac, permanent: true };
    assert.deepEqual(parsed("inet", body), { ...common, object: "neigh", ip: "10.0.0.5" });
    assert.deepEqual(parsed("bridge", body), { ...common, object: "fdb", dst: "10.0.0.5" });
  });

  it("reads rows of the bridge: learned, set by hand, a port's own, deleted", () => {
    const row = { object: "fdb", dev: "veth0", mac };
    assert.deepEqual(parsed("bridge", `[NEIGH]dev veth0 lladdr ${mac} REACHABLE `), { ...row, action: "new" });
    assert.deepEqual(parsed("bridge", `[NEIGH]dev veth0 lladdr ${mac} extern_learn REACHABLE `), {
      ...row,
      action: "new",
    });
    assert.deepEqual(parsed("bridge", `[NEIGH]dev veth0 lladdr ${mac} extern_learn `), { ...row, action: "new" });
    assert.deepEqual(parsed("bridge", `[NEIGH]dev veth0 lladdr ${mac} NOARP `), { ...row, action: "new", noarp: true });
    assert.deepEqual(parsed("bridge", `[NEIGH]Deleted dev if5 lladdr ${mac} PERMANENT `), {
      ...row,
      dev: "if5",
      action: "del",
      permanent: true,
    });
    assert.deepEqual(parsed("bridge", `[NEIGH]Deleted 192.0.2.8 dev vxlan0 lladdr ${mac} NOARP PERMANENT `), {
      object: "fdb",
      action: "del",
      dev: "vxlan0",
      mac,
      dst: "192.0.2.8",
      noarp: true,
      permanent: true,
    });
  });

  it("reads neighbours without an address of either kind, and misses of both kinds", () => {
    const row = { object: "neigh", dev: "vxlan0" };
    assert.deepEqual(parsed("inet", "[NEIGH]miss 10.0.0.99 dev vxlan0 STALE "), {
      ...row,
      action: "miss",
      ip: "10.0.0.99",
    });
    assert.deepEqual(parsed("inet", `[NEIGH]miss dev vxlan0 lladdr ${mac} STALE `), { ...row, action: "miss", mac });
    assert.deepEqual(parsed("inet", "[NEIGH]10.0.0.5 dev vxlan0 FAILED "), { ...row, action: "new", ip: "10.0.0.5" });
    assert.deepEqual(parsed("inet", "[NEIGH]Deleted 10.0.0.5 dev vxlan0 FAILED "), {
      ...row,
      action: "del",
      ip: "10.0.0.5",
    });
    assert.deepEqual(parsed("inet", "[NEIGH]fe80::1 dev br0 lladdr 02:42:0a:00:00:0a router STALE "), {
      object: "neigh",
      action: "new",
      dev: "br0",
      ip: "fe80::1",
      mac: "02:42:0a:00:00:0a",
    });
  });

  it("counts a row whose address is no MAC", () => {
    assert.deepEqual(parsed("inet", "[NEIGH]10.0.0.5 dev tun0 lladdr 192.0.2.1 REACHABLE "), {
      object: "neigh",
      action: "new",
      dev: "tun0",
      ip: "10.0.0.5",
    });
  });

  it("takes devices that are called like words of the grammar", () => {
    for (const dev of ["dev", "lladdr", "miss", "Deleted", "NOARP", "PERMANENT", "a@b", "[NEIGH]", "\u001b[31m", "é"])
      assert.deepEqual(parsed("bridge", `[NEIGH]dev ${dev} lladdr ${mac} REACHABLE `), {
        object: "fdb",
        action: "new",
        dev,
        mac,
      });
  });

  it("tells a device that left the bridge from one that is gone", () => {
    const gone =
      "[LINK]Deleted 5: veth0@NONE: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN group default \\    link/ether 36:fd:45:5e:c2:27 brd ff:ff:ff:ff:ff:ff";
    const left =
      "[LINK]Deleted 5: veth0@NONE: <BROADCAST,MULTICAST> mtu 1450 master br0 state DOWN \\    link/ether 36:fd:45:5e:c2:27";
    assert.deepEqual(link(gone), { ifindex: 5, name: "veth0", peer: "NONE", master: undefined, removed: true });
    assert.deepEqual(link(left), { ifindex: 5, name: "veth0", peer: "NONE", master: "br0", removed: false });
    assert.equal(parsed("inet", gone)?.action, "del");
    assert.equal(parsed("inet", left)?.action, "new");
  });

  it("reads links with their master, whatever the devices are called", () => {
    const rest = "\\    link/ether 36:fd:45:5e:c2:27 brd ff:ff:ff:ff:ff:ff link-netnsid 0";
    assert.deepEqual(
      link(
        `[LINK]4: veth0@if2: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue master br0 state DOWN group default ${rest}`,
      ),
      {
        ifindex: 4,
        name: "veth0",
        peer: "if2",
        master: "br0",
        removed: false,
      },
    );
    assert.deepEqual(link(`[LINK]Deleted 4: master@if2: <UP> mtu 1500 master qdisc state DOWN ${rest}`), {
      ifindex: 4,
      name: "master",
      peer: "if2",
      master: "qdisc",
      removed: false,
    });
    assert.deepEqual(
      link("[LINK]2: br0: <UP> mtu 1500 qdisc noqueue state UP group default event FEATURE CHANGE \\    link/ether x"),
      {
        ifindex: 2,
        name: "br0",
        peer: undefined,
        master: undefined,
        removed: false,
      },
    );
  });

  it("reads addresses and routes", () => {
    assert.deepEqual(
      parsed(
        "inet",
        "[ADDR]2: br0    inet 10.0.0.1/24 scope global br0\\       valid_lft forever preferred_lft forever",
      ),
      {
        object: "addr",
        action: "new",
        dev: "br0",
        ifindex: 2,
        ip: "10.0.0.1",
      },
    );
    assert.equal(
      parsed("inet", "[ADDR]Deleted 2: br0    inet 10.0.0.1/24 scope global br0\\       valid_lft forever")?.action,
      "del",
    );
    const route = { object: "route", action: "new" };
    assert.deepEqual(parsed("inet", "[ROUTE]10.0.0.0/24 dev br0 proto kernel scope link src 10.0.0.1 "), {
      ...route,
      ip: "10.0.0.0/24",
      dev: "br0",
    });
    assert.deepEqual(parsed("inet", "[ROUTE]local 10.0.0.1 dev dev table local "), {
      ...route,
      ip: "10.0.0.1",
      dev: "dev",
    });
    assert.deepEqual(parsed("inet", "[ROUTE]blackhole 10.10.0.0/24 "), { ...route, ip: "10.10.0.0/24" });
    assert.deepEqual(parsed("inet", "[ROUTE]Deleted default via 10.0.0.1 dev br0 "), {
      object: "route",
      action: "del",
      ip: "default",
      dev: "br0",
    });
    assert.deepEqual(parsed("inet", "[ROUTE]10.11.0.0/24 \\\tnexthop via 10.0.0.5 dev br0 weight 1 "), {
      ...route,
      ip: "10.11.0.0/24",
    });
  });

  it("knows neither other objects nor lines that are none", () => {
    for (const body of [
      "[NSID]nsid 0 ",
      "[NETCONF]inet br0 forwarding on ",
      "[NEIGH]",
      "[NEIGH]dev ",
      "[NEIGH]10.0.0.5",
      "[NEIGH]a b dev x y ",
      "[LINK]",
      "[LINK]x: br0: <UP>",
      "[ADDR]2: br0",
      "[ROUTE]",
      "",
      "[NEIGH]dev x lladdr 02:42",
    ])
      assert.equal(parsed("bridge", body), undefined, body);
    for (const line of [
      "",
      stamp.trim(),
      "[2026-11-22T08:02:55.08241] [NEIGH]dev x FAILED ",
      "[NEIGH]dev x FAILED ",
      "[2026-99-22T08:02:55.082412] [NEIGH]dev x FAILED ",
    ])
      assert.equal(monitorParser("inet")(line), undefined, line);
    assert.equal(parsed("bridge", `[NEIGH]dev x lladdr ${mac} ${" ".repeat(70_000)}`), undefined);
  });

  it("reads the next second after a torn line, and the same second again", () => {
    const parse = monitorParser("bridge");
    const line = `[NEIGH]dev veth0 lladdr ${mac} REACHABLE `;
    assert.equal(parse(stamp + line)?.at, at);
    assert.equal(parse("[2026-11-22T08:0"), undefined);
    assert.equal(parse(`[2026-11-22T08:02:56.000001] ${line}`)?.at, at - 82_412 + 1_000_001);
    assert.equal(parse(stamp + line)?.at, at);
  });

  it("never throws, whatever comes", () => {
    const word = fc.constantFrom(
      "[NEIGH]",
      "[LINK]",
      "[ADDR]",
      "[ROUTE]",
      "Deleted ",
      "miss ",
      "dev ",
      "lladdr ",
      `${mac} `,
      "REACHABLE ",
      "2: ",
      "br0: <UP> ",
      "master ",
      "\\ ",
      "10.0.0.1/24 ",
      "    inet ",
      "\0",
      " ",
    );
    const body = fc.array(fc.oneof(word, fc.string({ unit: "binary", maxLength: 8 }))).map((words) => words.join(""));
    const line = fc.oneof(
      fc.string({ unit: "binary" }),
      body,
      body.map((text) => stamp + text),
    );
    for (const socket of ["bridge", "inet"] as const) {
      const parse = monitorParser(socket);
      fc.assert(
        fc.property(line, (text) => void parse(text)),
        { numRuns: 500 },
      );
    }
  });

  it("gives back what any row of the bridge was made of", () => {
    const hex = fc.integer({ min: 0, max: 255 }).map((byte) => byte.toString(16).padStart(2, "0"));
    const macs = fc.array(hex, { minLength: 6, maxLength: 6 }).map((bytes) => bytes.join(":"));
    const name = fc.string({ minLength: 1, maxLength: 15 }).filter((text) => !/[\s/:]/u.test(text));
    const parse = monitorParser("bridge");
    const rows = fc.record({
      dev: name,
      mac: macs,
      dst: fc.option(fc.ipV4(), { nil: undefined }),
      action: fc.constantFrom("new", "del"),
      state: fc.constantFrom("REACHABLE ", "NOARP PERMANENT ", "STALE ", ""),
    });
    fc.assert(
      fc.property(rows, ({ state, ...row }) => {
        const head = `${row.action === "del" ? "Deleted " : ""}${row.dst === undefined ? "" : `${row.dst} `}`;
        const event = parse(`${stamp}[NEIGH]${head}dev ${row.dev} lladdr ${row.mac} ${state}`);
        const own = { permanent: state.includes("PERMANENT"), noarp: state.includes("NOARP") };
        const none = { ifindex: undefined, ip: undefined, link: undefined };
        assert.deepEqual(event, { at, object: "fdb", ...row, ...own, ...none });
      }),
    );
  });

  it("knows every line of real captures, cut anywhere", () => {
    const captures = new URL("../../../../test/pipelines/record/captures/", import.meta.url);
    for (const [file, socket] of [["bridge.txt", "bridge"] as const, ["inet.txt", "inet"] as const]) {
      const lines = readFileSync(new URL(file, captures), "utf8").split("\n").filter(Boolean);
      assert.ok(lines.length > 10);
      const parse = monitorParser(socket);
      for (const line of lines) {
        assert.notEqual(parse(line), undefined, line);
        for (let end = 0; end < line.length; end++) parse(line.slice(0, end));
      }
    }
  });

  it("takes a storm faster than ip can print it", () => {
    const parse = monitorParser("bridge");
    const lines = Array.from(
      { length: 1000 },
      (_, n) =>
        `[2026-11-22T08:02:55.${String(n).padStart(6, "0")}] [NEIGH]dev veth${n % 9} lladdr 02:42:0a:00:00:${(n % 256).toString(16).padStart(2, "0")} REACHABLE `,
    );
    let best = 0;
    for (let round = 0; round < 20; round++) {
      const began = performance.now();
      let known = 0;
      for (let n = 0; n < 10; n++) for (const line of lines) if (parse(line) !== undefined) known++;
      best = Math.max(best, known / ((performance.now() - began) / 1000));
    }
    assert.ok(best > 400_000, `${Math.round(best)} lines a second`);
  });
});
