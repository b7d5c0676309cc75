import assert from "node:assert/strict";
import type { Device } from "../../overlay/devices.ts";
import { type Attached, joinEndpoints } from "../../overlay/endpoints.ts";
import { type Link, parseLinks } from "../../overlay/links.ts";
import { captured } from "./fixture.ts";

const attached = (name: string, devices: readonly Device[] | undefined, rest: Partial<Attached> = {}): Attached => ({
  owner: { kind: "container", name, id: `id-${name}` },
  ip: "10.0.0.2",
  mac: "02:42:0a:00:00:02",
  devices,
  ...rest,
});
const device = (ifindex: number, linkIndex?: number): Device => ({
  ifindex,
  name: `eth${ifindex}`,
  ...(linkIndex === undefined ? {} : { linkIndex }),
});
const veth = (ifindex: number, linkIndex: number): Link => ({
  ifindex,
  name: `veth${ifindex}`,
  kind: "veth",
  linkIndex,
  linkNetnsid: 1,
  up: true,
});
const ports = (all: readonly Attached[], links: readonly Link[]) =>
  joinEndpoints(all, links).map((endpoint) => endpoint.veth?.name ?? "unknown");

describe("overlay/endpoints", () => {
  it("finds a container's port by the index of its own end", () => {
    const { rows } = parseLinks(captured("classic-link"));
    const joined = joinEndpoints([attached("A1", [device(6)]), attached("B1", [device(11)], { ip: "10.0.0.3" })], rows);
    assert.deepEqual(
      joined.map(({ owner, ip, mac, veth: port }) => [owner.name, ip, mac, port?.name, port?.ifindex].join(" ")),
      ["A1 10.0.0.2 02:42:0a:00:00:02 veth0 7", "B1 10.0.0.3 02:42:0a:00:00:02 veth1 12"],
    );
    assert.ok(joined.every((endpoint) => !("devices" in endpoint)));
  });

  it("says unknown rather than guess", () => {
    const links = [veth(7, 6), veth(12, 11)];
    assert.deepEqual(ports([attached("unread", undefined)], links), ["unknown"]);
    assert.deepEqual(ports([attached("elsewhere", [device(99)])], links), ["unknown"]);
    assert.deepEqual(ports([attached("two fit", [device(6), device(11)])], links), ["unknown"]);
    assert.deepEqual(ports([attached("a", [device(6)]), attached("b", [device(6)])], links), ["unknown", "unknown"]);
    assert.deepEqual(ports([attached("a", [device(6)])], [veth(7, 6), veth(8, 6)]), ["unknown"]);
  });

  it("takes both ends' indexes where both are told", () => {
    const links = [veth(7, 6), veth(8, 6)];
    assert.deepEqual(ports([attached("a", [device(6, 8)]), attached("b", [device(6, 7)])], links), ["veth8", "veth7"]);
    assert.deepEqual(ports([attached("a", [device(6, 9)])], links), ["unknown"]);
  });

  it("takes no vxlan, and no veth whose other end is in the same namespace, for a port", () => {
    const { linkNetnsid: _inside, ...within } = veth(7, 6);
    assert.deepEqual(ports([attached("a", [device(6)])], [within, { ...veth(8, 6), kind: "vxlan" }]), ["unknown"]);
  });
});
