import assert from "node:assert/strict";
import { targetsIn } from "../../../collectors/reachability/targets.ts";
import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import type { NamespaceInput } from "../../../overlay/diagnose/input.ts";
import { macOfIp, type Place } from "../../../overlay/truth/place.ts";
import { truthOf } from "../../../overlay/truth/truth.ts";
import { readCase } from "./case.ts";

const input = readCase("test/overlay/diagnose/cases/healthy-classic-20.10");
const [first = assert.fail("no namespace")] = input.namespaces;
const ownVteps = new Set(input.ownVteps);
const device = first.tables.links.find(({ kind }) => kind === "vxlan")?.name ?? "";

function placeOf(n: number): Place {
  const ip = `10.77.${n >> 8}.${n & 255}`;
  return { ip, mac: macOfIp(ip) ?? "", vtep: "172.31.240.77", name: `c${n}`, endpoint: `e${n}` };
}

/** So many containers on another host, each with both its rows; and a twentieth of that here. */
function network(size: number) {
  const places = Array.from({ length: size }, (_, n) => placeOf(n));
  const telling = { places, doubts: 0, complete: true };
  const self = { ifname: device, flags: ["self"], state: "permanent" };
  const fdb = places.map(({ mac, vtep }) => ({ mac, dst: vtep, ...self }));
  const neighbours = places.map(({ ip, mac }) => ({ ip, mac, dev: device, state: ["PERMANENT"] }));
  const endpoints = Array.from({ length: size / 20 }, (_, n) => {
    const ip = `10.78.${n >> 8}.${n & 255}`;
    return { owner: { kind: "container", name: `l${n}` } as const, ip, mac: macOfIp(ip) ?? "" };
  });
  const tables = { ...first.tables, fdb, neighbours };
  const namespace: NamespaceInput = { ...first, tables, endpoints, truth: truthOf(telling, telling, ownVteps) };
  return { namespace, telling };
}

/** Of several runs the fastest, in milliseconds: the machine has other work too. */
function fastest(work: () => void): number {
  const times = Array.from({ length: 7 }, () => {
    const began = performance.now();
    work();
    return performance.now() - began;
  });
  return Math.min(...times);
}

const [small, large] = [network(1000), network(8000)];

/** Linear is 8 times; by a search for each of them it would be 64. */
function grows(work: (size: typeof small) => void): number {
  return fastest(() => work(large)) / fastest(() => work(small));
}

const judged = ({ namespace }: typeof small) => diagnose({ ...input, namespaces: [namespace] });

describe("overlay/diagnose: a network of thousands", () => {
  it("is judged in a time that grows with the containers, not with their square", () => {
    assert.deepEqual(
      judged(large).namespaces.flatMap(({ findings }) => findings),
      [],
    );
    const times = grows(judged);
    assert.ok(times < 24, `8 times the containers took ${times.toFixed(1)} times as long`);
  });

  it("and so it is with whom to ping", () => {
    const source = { path: "/lb" };
    const rest = { networkId: "", driver: "classic", containers: [], namespaces: [], ownVteps } as const;
    const chosen = ({ telling, namespace: { tables } }: typeof small) =>
      targetsIn({ ...rest, telling, tables }, source).length;
    assert.equal(chosen(large), 8000);
    const times = grows(chosen);
    assert.ok(times < 24, `8 times the containers took ${times.toFixed(1)} times as long`);
  });
});
