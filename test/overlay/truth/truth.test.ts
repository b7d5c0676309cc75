import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readNetworkTasks } from "../../../host/docker/tasks.ts";
import { readValues } from "../../../host/kv/etcd.ts";
import { classicTelling } from "../../../overlay/truth/classic.ts";
import { macOfIp, type Place, placeOf, type Telling } from "../../../overlay/truth/place.ts";
import { swarmTelling } from "../../../overlay/truth/swarm.ts";
import { tell } from "../../../overlay/truth/tell.ts";
import { truthOf, without } from "../../../overlay/truth/truth.ts";

const fixture = (name: string): unknown => JSON.parse(readFileSync(`test/overlay/truth/fixtures/${name}`, "utf8"));

const [own, there, elsewhere] = ["172.31.240.1", "172.31.240.2", "172.31.240.3"] as const;
const place = (n: number, more: Partial<Place> = {}): Place => {
  const ip = `10.0.0.${n}`;
  return { ip, mac: macOfIp(ip) ?? "", vtep: there, name: `c${n}`, endpoint: `e${n}`, ...more };
};
const telling = (...places: readonly Place[]): Telling => ({ places, doubts: 0, complete: true });
const truth = (first: readonly Place[], second: readonly Place[] = first) =>
  truthOf(telling(...first), telling(...second), new Set([own]));
const [two] = [place(2)];

describe("overlay/truth", () => {
  it("believes what is told twice, and knows who is here", () => {
    const known = truth([two, place(3, { vtep: own })]);
    assert.deepEqual([...known.elsewhere], [[two.mac, two]]);
    assert.deepEqual([...known.here.keys()], [place(3).mac]);
    assert.equal(known.disputed.size, 0);
  });

  it("believes nothing of what changed in between: another host, another endpoint, gone, new", () => {
    const others: readonly (readonly Place[])[] = [
      [place(2, { vtep: elsewhere })],
      [place(2, { endpoint: "again" })],
      [place(2, { ip: "10.0.0.9" })],
      [],
    ];
    for (const other of others)
      for (const known of [truth([two], other), truth(other, [two])]) {
        assert.equal(known.elsewhere.size, 0);
        assert.ok(known.disputed.has(two.mac));
      }
  });

  it("an endpoint that is told at two hosts is a lie, one that was started again is everyday life", () => {
    assert.equal(truth([two], [place(2, { vtep: elsewhere })]).disputed.get(two.mac)?.blind, true);
    assert.equal(truth([two], [place(2, { vtep: elsewhere, endpoint: "again" })]).disputed.get(two.mac)?.blind, false);
    assert.equal(truth([two], []).disputed.get(two.mac)?.blind, false);
  });

  it("one MAC of two endpoints is nowhere, and their address is told twice", () => {
    const both = [two, place(2, { vtep: elsewhere, endpoint: "other" })];
    const known = truth(both);
    assert.deepEqual([known.elsewhere.size, known.disputed.has(two.mac)], [0, true]);
    assert.deepEqual([...known.twice.keys()], ["10.0.0.2"]);
    assert.equal(truth(both, [two]).twice.size, 0, "only the second time");
    assert.equal(truth([two], both).twice.size, 0, "only the first time");
  });

  it("takes away what something speaks against", () => {
    const doubt = { why: "it answers", blind: true };
    const known = without(truth([two, place(3)]), new Map([[two.mac, doubt]]));
    assert.deepEqual([...known.elsewhere.keys()], [place(3).mac]);
    assert.deepEqual([...known.disputed], [[two.mac, doubt]]);
  });

  it("is complete only where both tellings are", () => {
    const half = { ...telling(two), complete: false };
    const all = [truthOf(telling(two), half, new Set()), truthOf(half, telling(two), new Set()), truth([two])];
    assert.deepEqual(
      all.map(({ complete }) => complete),
      [false, false, true],
    );
  });

  const odd: readonly (readonly [string, Partial<Place>])[] = [
    ["no address", { ip: "" }],
    ["an IPv6 address", { ip: "fd00::2" }],
    ["no host", { vtep: "" }],
    ["this machine for a host", { vtep: "127.0.0.1" }],
    ["any host", { vtep: "0.0.0.0" }],
    ["a name for a host", { vtep: "node-2" }],
    ["a group's MAC", { mac: "01:00:5e:00:00:01" }],
    ["no MAC", { mac: "00:00:00:00:00:00" }],
    ["no endpoint", { endpoint: "" }],
  ];
  for (const [what, change] of odd) it(`${what} is no place`, () => assert.equal(placeOf(place(2, change)), undefined));

  it("reads a cluster store's endpoints, as etcd gave them", () => {
    const { places, doubts, complete } = classicTelling(readValues(fixture("etcd-endpoints.json")));
    assert.deepEqual(
      places.map(({ name, ip, mac, vtep }) => [name, ip, mac, vtep]),
      [
        ["A1", "10.0.0.2", "02:42:0a:00:00:02", own],
        ["B1", "10.0.0.3", "02:42:0a:00:00:03", own],
        ["A2", "10.0.0.4", "02:42:0a:00:00:04", there],
        ["B2", "10.0.0.5", "02:42:0a:00:00:05", there],
      ],
    );
    assert.deepEqual([doubts, complete], [0, true]);
  });

  it("counts endpoints that it can not place, and leaves out those that run nowhere", () => {
    const stored = readValues(fixture("etcd-endpoints.json"));
    const change = (from: RegExp, to: string) =>
      classicTelling(stored.map((one, at) => (at === 0 ? { ...one, value: one.value.replace(from, to) } : one)));
    assert.deepEqual([change(/"locator":"[^"]*"/, `"locator":""`).doubts, change(/^\{/, "").doubts], [1, 0]);
    const idle = change(/"sandbox":"[^"]*"/, `"sandbox":""`);
    assert.deepEqual([idle.doubts, idle.places.length], [0, 3]);
    assert.equal(change(/"locator":"[^"]*"/, `"locator":""`).complete, false);
  });

  it("reads a swarm's endpoints, as the engine gave them; MACs by the tables, else by the address", () => {
    const tasks = readNetworkTasks(fixture("swarm-network.json"));
    const { places, complete } = swarmTelling(tasks, (ip) => (ip === "10.0.0.7" ? "02:11:22:33:44:55" : macOfIp(ip)));
    assert.deepEqual(
      places.map(({ name, ip, mac, vtep }) => [name, ip, mac, vtep]),
      [
        ["B2", "10.0.0.7", "02:11:22:33:44:55", there],
        ["A1", "10.0.0.2", "02:42:0a:00:00:02", own],
      ],
    );
    assert.equal(complete, false, "load balancers are not among them");
    assert.deepEqual(readNetworkTasks({ Services: null }), []);
    assert.equal(
      swarmTelling(
        tasks.map((one) => ({ ...one, hostIp: "" })),
        macOfIp,
      ).doubts,
      2,
    );
    assert.throws(() => readNetworkTasks({ Services: { a: { Tasks: [{ EndpointIP: 7 }] } } }), /EndpointIP/);
  });

  it("disputes twenty thousand places of one MAC at once, and names three of them", () => {
    const many = Array.from({ length: 20_000 }, (_, at) => place(2, { endpoint: `e${at}` }));
    const began = performance.now();
    const { disputed } = truth(many);
    const ms = performance.now() - began;
    const [[, doubt] = []] = disputed;
    assert.match(doubt?.why ?? "", /^it is told of more than one endpoint: (?:10\.\S+ at \S+ and ){3}19997 more$/u);
    assert.deepEqual([disputed.size, doubt?.blind], [1, false]);
    assert.ok(ms < 1000, `${Math.round(ms)} ms`);
    const moved = truth([...many, place(2, { endpoint: "e7", vtep: elsewhere })]);
    assert.equal([...moved.disputed.values()][0]?.blind, true);
  });

  it("asks the swarm about a swarm's network, the store about another, and nobody where the engine is silent", async () => {
    const asked: string[] = [];
    const from = {
      tasks: async (id: string) => Promise.resolve(readNetworkTasks((asked.push(id), fixture("swarm-network.json")))),
      stored: async (store: string, folder: string) => {
        asked.push(store, folder);
        return Promise.resolve(readValues(fixture("etcd-endpoints.json")));
      },
    };
    const { signal } = new AbortController();
    assert.equal((await tell({ id: "n1", driver: "swarm" }, undefined, from, signal)).places.length, 2);
    const engine = { clusterStore: "etcd://h:1" };
    assert.equal((await tell({ id: "n2", driver: "classic" }, engine, from, signal)).places.length, 4);
    assert.deepEqual(asked, ["n1", "etcd://h:1", "docker/network/v1.0/endpoint/n2"]);
    await assert.rejects(tell({ id: "n2", driver: "classic" }, undefined, from, signal), /which cluster store/);
  });
});
