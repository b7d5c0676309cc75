import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parseDevices, parseIgmp, onSubnetOf } from "../../overlay/devices.ts";
import { parseFdb, parseFdbPieces } from "../../overlay/fdb.ts";
import { parseLinks } from "../../overlay/links.ts";
import { parseNeighbours } from "../../overlay/neighbours.ts";
import { UnreadableTable } from "../../overlay/rows.ts";
import { twoLists } from "../../overlay/tables.ts";
import { captured } from "./fixture.ts";

const keysOfRows =
  "ifindex ifname flags master address mtu link_index link_netnsid linkinfo info_kind info_data info_slave_data id mac " +
  "dst dev lladdr state vlan addr_info local";

function namesCommand(error: unknown): boolean {
  return error instanceof UnreadableTable && /^(ip|bridge) -j .*: not /.test(error.message);
}

const parsers = [parseLinks, parseFdb, parseNeighbours, parseDevices];

describe("overlay/links", () => {
  it("reads bridge, vxlan and veths of a classic overlay by their kind", () => {
    const { rows, unreadable } = parseLinks(captured("classic-link"));
    const port = { master: { name: "br0", ifindex: 2 }, up: true, mtu: 1450, portLearning: true };
    const vxlan = { vni: 256, port: 4789, learning: true, proxy: true, l2miss: true, l3miss: true };
    assert.equal(unreadable, 0);
    assert.deepEqual(rows, [
      { ifindex: 1, name: "lo", kind: "other", mac: "00:00:00:00:00:00", up: true, mtu: 65536 },
      { ifindex: 2, name: "br0", kind: "bridge", mac: "8a:f6:9e:ad:f3:79", up: true, mtu: 1450 },
      {
        ifindex: 5,
        name: "vxlan0",
        kind: "vxlan",
        mac: "ae:95:03:c0:a2:39",
        linkIndex: 5,
        linkNetnsid: 0,
        vxlan,
        ...port,
      },
      { ifindex: 7, name: "veth0", kind: "veth", mac: "e6:73:5a:d7:ef:74", linkIndex: 6, linkNetnsid: 1, ...port },
      { ifindex: 12, name: "veth1", kind: "veth", mac: "8a:f6:9e:ad:f3:79", linkIndex: 11, linkNetnsid: 2, ...port },
    ]);
  });

  it("leaves out what a row does not tell, and takes no text for a number or a flag", () => {
    const links = [
      {
        ifindex: 3,
        ifname: "x",
        flags: [],
        mtu: "1500",
        master: "br9",
        address: "12:34",
        link_index: "6",
        linkinfo: null,
      },
      {
        ifindex: 4,
        ifname: "y",
        linkinfo: { info_kind: "vxlan", info_data: { id: 7, learning: "yes", local: "1.2.3.4" } },
      },
      { ifindex: 5, ifname: "z", linkinfo: { info_kind: "vxlan", info_data: { id: -1 } } },
      { ifindex: "6", ifname: "n" },
      { ifindex: 7 },
      {},
      7,
    ];
    const off = { learning: false, proxy: false, l2miss: false, l3miss: false };
    assert.deepEqual(parseLinks(JSON.stringify(links)), {
      rows: [
        { ifindex: 3, name: "x", kind: "other", master: { name: "br9" }, up: false },
        { ifindex: 4, name: "y", kind: "vxlan", up: false, vxlan: { vni: 7, local: "1.2.3.4", ...off } },
        { ifindex: 5, name: "z", kind: "vxlan", up: false },
      ],
      unreadable: 3,
    });
  });
});

describe("overlay/fdb", () => {
  it("tells rows of the bridge from a device's own, learned, permanent and pinned ones", () => {
    const { rows, unreadable } = parseFdb(captured("classic-fdb"));
    assert.equal(unreadable, 0);
    assert.equal(rows.length, 17);
    assert.deepEqual(
      rows.filter(({ mac }) => mac.startsWith("02:42:")),
      [
        { mac: "02:42:0a:00:00:04", ifname: "vxlan0", flags: [], master: "br0", state: "" },
        {
          mac: "02:42:0a:00:00:03",
          ifname: "vxlan0",
          dst: "172.31.240.1",
          linkNetnsid: 0,
          flags: ["self"],
          state: "permanent",
        },
        {
          mac: "02:42:0a:00:00:05",
          ifname: "vxlan0",
          dst: "172.31.240.2",
          linkNetnsid: 0,
          flags: ["self"],
          state: "permanent",
        },
        {
          mac: "02:42:0a:00:00:04",
          ifname: "vxlan0",
          dst: "172.31.240.2",
          linkNetnsid: 0,
          flags: ["self"],
          state: "permanent",
        },
        { mac: "02:42:0a:00:00:02", ifname: "veth0", flags: [], master: "br0", state: "" },
        { mac: "02:42:0a:00:00:03", ifname: "veth1", flags: ["sticky"], master: "br0", state: "static" },
      ],
    );
  });

  it("keeps the vlan of engines before 17.06, lowers a MAC and counts what is no row", () => {
    const rows = [
      { mac: "02:42:0A:00:00:02", ifname: "veth2", vlan: 1, master: "br0", state: "" },
      { mac: "02:42", ifname: "veth2" },
      { mac: "02:42:0a:00:00:02" },
    ];
    assert.deepEqual(parseFdb(JSON.stringify(rows)), {
      rows: [{ mac: "02:42:0a:00:00:02", ifname: "veth2", flags: [], master: "br0", state: "", vlan: 1 }],
      unreadable: 2,
    });
  });

  it("reads a long table in pieces, each row once, however hostile the names", () => {
    const count = 20_000;
    const rows = Array.from({ length: count }, (_, index) => ({
      mac: `02:00:00:00:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")}`,
      ifname: index % 3 === 0 ? '"},{"mac' : `]},{${index}`,
      flags: ["self"],
      state: "permanent",
    }));
    const pieces = [...parseFdbPieces(JSON.stringify(rows))];
    assert.ok(pieces.length > 10);
    assert.ok(pieces.every((piece) => piece.rows.length < 2000 && piece.unreadable === 0));
    assert.deepEqual(
      pieces.flatMap((piece) => piece.rows),
      rows,
    );
  });
});

describe("overlay/neighbours", () => {
  it("reads what the engine put there, and rows without a MAC; IPv6 and odd rows are counted out", () => {
    assert.deepEqual(
      parseNeighbours(captured("classic-neigh")).rows.map(({ ip, dev, mac, state }) =>
        [ip, dev, mac, ...state].join(" "),
      ),
      [
        "10.0.0.3 vxlan0 02:42:0a:00:00:03 PERMANENT",
        "10.0.0.5 vxlan0 02:42:0a:00:00:05 PERMANENT",
        "10.0.0.4 vxlan0 02:42:0a:00:00:04 PERMANENT",
      ],
    );
    const rows = [
      { dst: "10.0.0.9", dev: "br0", state: ["FAILED", 7] },
      { dst: "fe80::1", dev: "br0", state: [] },
      { dst: "10.0.0.9" },
    ];
    assert.deepEqual(parseNeighbours(JSON.stringify(rows)), {
      rows: [{ ip: "10.0.0.9", dev: "br0", state: ["FAILED"] }],
      unreadable: 2,
    });
  });
});

describe("overlay/devices", () => {
  it("reads a container's devices from its addresses, and in short from what /proc tells", () => {
    assert.deepEqual(parseDevices(captured("b1-addr")).rows.slice(1), [
      { ifindex: 11, name: "eth0", linkIndex: 12, mac: "02:42:0a:00:00:03", ips: ["10.0.0.3"] },
      { ifindex: 13, name: "eth1", linkIndex: 14, mac: "02:42:ac:12:00:03", ips: ["172.18.0.3"] },
    ]);
    const short = parseIgmp(captured("b1-igmp"));
    assert.deepEqual(short, [
      { ifindex: 1, name: "lo" },
      { ifindex: 11, name: "eth0" },
      { ifindex: 13, name: "eth1" },
    ]);
    const near = (ip: string) => onSubnetOf(ip, short, captured("b1-route")).map(({ name }) => name);
    assert.deepEqual(near("10.0.0.3"), ["eth0"]);
    assert.deepEqual(near("172.18.0.3"), ["eth1"]);
    assert.deepEqual(near("10.9.9.9"), ["lo", "eth0", "eth1"]);
    assert.deepEqual(near(""), ["lo", "eth0", "eth1"]);
  });

  it("reads long device names, and none from text that is not the kernel's", () => {
    assert.deepEqual(parseIgmp("7\tabcdefghijklmno:     1      V3\n"), [{ ifindex: 7, name: "abcdefghijklmno" }]);
    for (const text of ["", "\n", "x\teth0 : 1", "\t\t\t010000E0", "7 eth0 :"]) assert.deepEqual(parseIgmp(text), []);
  });
});

describe("overlay/rows", () => {
  it("says what was read where it is no JSON list; an empty answer is an empty table", () => {
    for (const parse of parsers) {
      for (const text of ["{", "null", "{}", '"x"', "Object unknown", "[1", "7"]) {
        assert.throws(() => parse(text), namesCommand, text);
      }
      for (const text of ["", "\n", "[]", "[{}]", "[{},{}]\n"])
        assert.deepEqual(parse(text), { rows: [], unreadable: 0 });
    }
  });

  it("bears a device's name with control characters, which iproute2 does not escape", () => {
    const text = '[{"ifindex":3,"ifname":"a\u001b[2Jb","flags":["UP"]}]\n';
    assert.deepEqual(parseLinks(text).rows, [{ ifindex: 3, name: "a?[2Jb", kind: "other", up: true }]);
  });

  it("never fails for any list of anything, and counts each item once", () => {
    const keys = fc.constantFrom(...keysOfRows.split(" "));
    const words = fc.constantFrom("vxlan", "veth", "10.0.0.1", "02:42:0a:00:00:02", "__proto__", "br0");
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(words, fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(keys, tie("tree"), { maxKeys: 8 }),
      ),
    }));
    const odd = fc.array(tree, { maxLength: 6 });
    fc.assert(
      fc.property(odd, (list) => {
        for (const parse of parsers) {
          const { rows, unreadable } = parse(JSON.stringify(list));
          const empty = list.filter((item) => JSON.stringify(item) === "{}").length;
          assert.equal(rows.length + unreadable + empty, list.length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("never fails otherwise than with UnreadableTable for any text", () => {
    const torn = fc.tuple(fc.constantFrom("classic-link", "classic-fdb", "classic-neigh"), fc.nat(6000), fc.string());
    fc.assert(
      fc.property(torn, ([name, cut, end]) => {
        for (const parse of parsers) {
          try {
            parse(captured(name).slice(0, cut) + end);
          } catch (error) {
            assert.ok(error instanceof UnreadableTable);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("overlay/tables", () => {
  it("takes the two lists of a batch apart, and refuses another number of them", () => {
    assert.deepEqual(twoLists("[1]\n[2]\n"), ["[1]", "[2]"]);
    assert.deepEqual(twoLists("\n[1]\n\n"), ["[1]", ""]);
    for (const text of ["", "\n", "[]\n[]\n[]\n"]) assert.throws(() => twoLists(text), UnreadableTable);
  });
});
