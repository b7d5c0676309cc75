import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import type { DumpedTables, OverlayView } from "../../host/host.ts";
import { liveEntry } from "../../host/netns/live.ts";
import { dumpedTables } from "../../host/rtnetlink/tables.ts";
import { type LiveSockets, liveSockets } from "../../host/sockets/live.ts";
import { parseDevices, readDevices } from "../../overlay/devices.ts";
import { readFdbOf, readTables, type Tables } from "../../overlay/tables.ts";
import { hasTools, holdEmpty, type Holder, tools } from "../host/sockets/stage.ts";
import { needs } from "../needs.ts";

const { signal } = new AbortController();
const kinds = ["links", "fdb", "neighbours", "addresses"] as const;

const byText = (one: unknown, other: unknown): number => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);

const lo = ({ links }: Tables) => links.find(({ name }) => name === "lo")?.traffic;

/** The bridge prints its rows in the order of a hash table, which is another one each time; IPv6 sends whenever it likes. */
/** Only what the test of many rows wrote: the kernel adds rows of IPv6's groups whenever it likes. */
const written = (tables: Tables) => sorted(tables).fdb.filter(({ dst }) => dst === "172.31.0.9");

const sorted = ({ links, fdb, neighbours, unreadable }: Tables) => ({
  links: links.map(({ traffic, ...link }) => ({ ...link, counted: traffic !== undefined })).toSorted(byText),
  fdb: fdb.toSorted(byText),
  neighbours: neighbours.toSorted(byText),
  unreadable,
});

describe("overlay tables without a process", function () {
  this.timeout(30_000);
  let [there, elsewhere]: Holder[] = [];
  let sockets: LiveSockets;
  const said: string[] = [];

  before(async function () {
    needs(this, tools, hasTools());
    [there, elsewhere] = [await holdEmpty(), await holdEmpty()];
    sockets = liveSockets({ log: (level, message) => void said.push(`${level} ${message}`) });
  });
  after(async () => {
    await sockets?.close();
    await Promise.all([there?.end(), elsewhere?.end()]);
  });

  const path = (): string => `/proc/${there?.pid}/ns/net`;
  const ip = (program: string, args: string, of = there): void => {
    execFileSync("/usr/bin/nsenter", [`--net=/proc/${of?.pid}/ns/net`, program, ...args.split(" ")]);
  };
  /** As dockerd makes one: in the host's namespace, and moved. */
  const moveIn = (name: string): void => {
    ip("/usr/sbin/ip", `link add ${name} type vxlan id 4100 dstport 4792`, elsewhere);
    ip("/usr/sbin/ip", `link set ${name} netns ${there?.pid}`, elsewhere);
  };
  const place = () => ({ path: path(), inode: statSync(path()).ino });
  // A file of /proc has no key as a mounted one has.
  const entry = { ...liveEntry, keyOf: () => "one", inodeOf: (file: string) => statSync(file).ino };
  const dump: OverlayView["dump"] = async (asked, ending) => {
    const dumps = await sockets.dump(asked, ending);
    return dumps === undefined ? undefined : dumpedTables(asked.kinds, dumps);
  };
  const read = async (by?: OverlayView["dump"]): Promise<Tables> =>
    readTables(place(), signal, by === undefined ? entry : { ...entry, dump: by });
  const dumped = async (): Promise<DumpedTables> => {
    const found = await dump({ ...place(), kinds }, signal);
    assert.ok(found, said.join("; "));
    return found;
  };

  it("are the same as ip and bridge tell, whatever is in them", async () => {
    for (const args of [
      "link add br0 type bridge",
      "link add vxlan0 type vxlan id 4097 dstport 4789 learning proxy l2miss l3miss local 172.31.0.1",
      "link add vxlan1 type vxlan id 4098 dstport 4790 nolearning",
      "link add vxlan6 type vxlan id 4099 dstport 4791 local 2001:db8::1",
      "link set vxlan0 master br0",
      "link add lonely type veth peer name lonely1",
      "addr add 10.0.0.1/24 dev br0",
      "addr add 10.0.0.100/32 dev br0",
      "addr add 2001:db8::1/64 dev br0",
    ])
      ip("/usr/sbin/ip", args);
    moveIn("vxlan9");
    for (let i = 0; i < 12; i++) {
      ip("/usr/sbin/ip", `link add veth${i} type veth peer name eth${i} netns ${elsewhere?.pid}`);
      ip("/usr/sbin/ip", `link set veth${i} master br0 ${i % 3 === 0 ? "down" : "up"}`);
    }
    ip("/usr/sbin/ip", "link set eth2 up", elsewhere);
    ip("/usr/sbin/ip", "link add pair0 type veth peer name pair1");
    for (const device of ["br0", "vxlan0", "vxlan1", "veth2"]) ip("/usr/sbin/ip", `link set ${device} up`);
    for (const args of [
      "link set dev veth1 learning off",
      "fdb add 02:42:0a:00:00:02 dev veth1 master static sticky",
      "fdb add 02:42:0a:00:00:03 dev vxlan0 self dst 172.31.0.2 permanent",
      "fdb add 02:42:0a:00:00:04 dev vxlan0 self dst 127.0.0.1 permanent",
      "fdb append 00:00:00:00:00:00 dev vxlan1 self dst 172.31.0.3 permanent",
      "fdb add 02:42:0a:00:00:05 dev vxlan0 master dynamic",
      "fdb add 02:42:0a:00:00:06 dev veth2 master dynamic",
      "fdb add 02:42:0a:00:00:07 dev veth4 master static extern_learn",
      "fdb add 02:42:0a:00:00:0c dev vxlan9 self dst 172.31.0.7 permanent",
      "fdb add 02:42:0a:00:00:09 dev vxlan6 self dst 2001:db8::9 permanent",
      "fdb add 02:42:0a:00:00:0b dev vxlan6 self dst ::1 permanent",
      "fdb add 02:42:0a:00:00:08 dev lonely self permanent",
    ])
      ip("/usr/sbin/bridge", args);
    for (const [n, state] of ["permanent", "reachable", "stale", "delay", "probe", "failed", "noarp"].entries())
      ip("/usr/sbin/ip", `neigh add 10.0.0.${n + 2} lladdr 02:42:0a:00:00:0${n + 2} dev vxlan0 nud ${state}`);
    ip("/usr/sbin/ip", "neigh add proxy 10.0.0.50 dev vxlan0");
    ip("/usr/sbin/ip", "-6 neigh add 2001:db8::2 lladdr 02:42:0a:00:00:02 dev br0 nud permanent");
    // IPv6 adds rows of its own while devices come up: what is compared lies between two readings that are the same.
    const readFdb = async () => readFdbOf(place(), signal, { ...entry, dump });
    let [byPrograms, without, fdb, again] = [await read(), await read(dump), await readFdb(), await read()];
    for (let tries = 0; tries < 50 && !isDeepStrictEqual(sorted(byPrograms), sorted(again)); tries++)
      [byPrograms, without, fdb, again] = [again, await read(dump), await readFdb(), await read()];
    assert.deepEqual(
      [without.links.length > 16, without.fdb.length > 12, without.neighbours.length > 4],
      [true, true, true],
    );
    assert.deepEqual(sorted(without), sorted(byPrograms));
    assert.deepEqual(fdb.toSorted(byText), sorted(byPrograms).fdb);
    const addresses = parseDevices(await liveEntry.run(path(), ["ip", "-j", "addr", "show"], { signal }));
    assert.deepEqual(readDevices((await dumped()).devices), addresses);
    assert.deepEqual(said, []);
  });

  it("are those of a device's name now, after a rename", async () => {
    ip("/usr/sbin/ip", "link set lonely name renamed");
    const { fdb, links } = await readTables(place(), signal, { ...entry, dump });
    assert.ok(links.some(({ name }) => name === "renamed"));
    assert.deepEqual(fdb.find(({ mac }) => mac === "02:42:0a:00:00:08")?.ifname, "renamed");
  });

  it("count what went through a device as ip does", async () => {
    ip("/usr/sbin/ip", "link set lo up");
    const script = "for i in 1 2 3; do echo hello >/dev/udp/127.0.0.1/9; done 2>/dev/null";
    execFileSync("/usr/bin/nsenter", [`--net=${path()}`, "/bin/bash", "-c", script]);
    const [one, other] = [
      await readTables(place(), signal, entry),
      await readTables(place(), signal, { ...entry, dump }),
    ];
    assert.deepEqual(lo(other), lo(one));
    assert.ok((lo(other)?.rcvd.packets ?? 0) >= 3);
  });

  it("hold a table of 20 000 rows whole", async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => {
      const mac = (0x02_00_00_00_00_00 + i)
        .toString(16)
        .padStart(12, "0")
        .replaceAll(/(..)(?=.)/gu, "$1:");
      return `fdb add ${mac} dev vxlan0 self dst 172.31.0.9 permanent`;
    });
    execFileSync("/usr/bin/nsenter", [`--net=${path()}`, "/usr/sbin/bridge", "-batch", "-"], {
      input: rows.join("\n"),
    });
    const [one, other] = [
      await readTables(place(), signal, entry),
      await readTables(place(), signal, { ...entry, dump }),
    ];
    assert.equal(written(other).length, 20_000);
    assert.deepEqual(written(other), written(one));
  });

  it("are not read from another namespace, nor where there is none: then it says so, once, and the programs are left", async () => {
    const { inode, ...other } = place();
    for (let i = 0; i < 2; i++) assert.equal(await dump({ ...other, inode: inode + 1, kinds }, signal), undefined);
    assert.equal(said.length, 1);
    assert.match(
      said[0] ?? "",
      /^info tables of overlay networks are read by ip and bridge, .*: the namespace \d+ is not at /,
    );
    assert.equal(await dump({ path: "/proc/1/ns/nothing", kinds }, signal), undefined);
    assert.deepEqual((await readTables(place(), signal, { ...entry, dump: async () => undefined })).unreadable, 0);
  });

  it("end with the one who asks", async () => {
    const gone = new AbortController();
    gone.abort(new Error("over"));
    await assert.rejects(sockets.dump({ ...place(), kinds }, gone.signal), /over/);
  });
});

describe("host/rtnetlink", () => {
  it("comes to an end with any bytes, and reads nothing beyond them", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 4, maxLength: 4 }), (dumps) => {
        const { links, fdb, neighbours, devices } = dumpedTables(kinds, dumps);
        for (const table of [links, fdb, neighbours, devices]) assert.ok([...table].length <= 20);
      }),
    );
  });

  it("comes to an end with messages of the right form and any contents", () => {
    const message = fc.tuple(fc.constantFrom(16, 20, 28), fc.uint8Array({ maxLength: 120 })).map(([type, body]) => {
      const bytes = Buffer.alloc(16 + body.length);
      bytes.writeUInt32LE(bytes.length, 0);
      bytes.writeUInt16LE(type, 4);
      bytes.set(body, 16);
      return bytes;
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (all) => {
        const bytes = Buffer.concat(all);
        const { links, fdb, neighbours, devices } = dumpedTables(kinds, [bytes, bytes, bytes, bytes]);
        for (const table of [links, fdb, neighbours, devices]) assert.ok([...table].length <= all.length);
      }),
    );
  });
});
