import assert from "node:assert/strict";
import type { Network } from "../../host/docker/inventory.ts";
import type { NamespaceFile } from "../../host/netns/list.ts";
import { discover, isOverlayName, type VnisByKey } from "../../overlay/discover.ts";

const classic = "930b4fbc7a30704d3288dba8521610651b8c048f13b36fdfbe5970df5c7b1e6e";
const swarm = "x4jzzq076r2mkj3mr2l6l0xa1";

const network = (id: string, name: string, rest: Partial<Network> = {}): Network => ({
  id,
  name,
  driver: "overlay",
  scope: "global",
  subnets: [],
  vnis: [],
  ...rest,
});
const file = (name: string, inode = 1): NamespaceFile => ({
  name,
  path: `/netns/${name}`,
  inode,
  key: `${inode}@1`,
});
const networks = [network(classic, "back"), network(swarm, "front", { scope: "swarm", vnis: [4097] })];

function found(name: string, among: readonly Network[] = networks, vnis?: VnisByKey): string {
  const [one] = discover([file(name)], among, vnis);
  return one === undefined
    ? "none"
    : [one.kind, one.network?.name, one.epoch, one.ambiguous?.length].join(" ").trimEnd();
}

describe("overlay/discover", () => {
  it("gives each namespace its network by the id's beginning, whatever the epoch", () => {
    assert.equal(found("1-930b4fbc7a"), "overlay back 1");
    assert.equal(found("2-930b4fbc7a"), "overlay back 2");
    assert.equal(found("12-930b4fbc7"), "overlay back 12");
    assert.equal(found("123-930b4fbc"), "overlay back 123");
    assert.equal(found("1-x4jzzq076r"), "overlay front 1");
    assert.equal(found("lb_x4jzzq076"), "load-balancer front");
  });

  it("passes over container sandboxes and what is named like nothing of Docker's", () => {
    for (const name of [
      "8de7c36c9fa2",
      "default",
      "1-",
      "-930b4fbc7aa",
      "1-930b",
      "1-930b4fbc7a30",
      "1-930B4FBC7A",
      "",
    ])
      assert.equal(found(name), "none", name);
    for (const name of ["lb_", "lb-930b4fbc7", "x-930b4fbc7a", "1-930b4f\nc7a", "ingress_sbo", "lb_x4jzzq07/"])
      assert.equal(isOverlayName(name), false, name);
  });

  it("tells a namespace whose network Docker does not know, or that is of another driver", () => {
    assert.equal(found("1-ffffffffff"), "orphan  1");
    assert.equal(found("lb_fffffffff"), "orphan");
    assert.equal(found("1-930b4fbc7a", [network(classic, "back", { driver: "bridge" })]), "orphan  1");
    assert.equal(found("1-930b4fbc7a", []), "orphan  1");
  });

  it("knows swarm's gate, with its network once Docker tells of it", () => {
    assert.equal(found("ingress_sbox"), "ingress");
    assert.equal(found("ingress_sbox", [network(swarm, "ingress")]), "ingress ingress");
    assert.equal(found("ingress_sbox", [network(swarm, "ingress", { driver: "bridge" })]), "ingress");
  });

  it("tells two networks with the same beginning apart by the VNI inside, else neither", () => {
    const twins = [
      network(`${classic.slice(0, 20)}aa`, "a", { vnis: [4097] }),
      network(`${classic.slice(0, 20)}bb`, "b", { vnis: [4098, 4099] }),
    ];
    assert.equal(found("1-930b4fbc7a", twins), "orphan  1 2");
    assert.equal(found("1-930b4fbc7a", twins, new Map([["1@1", [4099]]])), "overlay b 1");
    assert.equal(found("1-930b4fbc7a", twins, new Map([["2@1", [4099]]])), "orphan  1 2");
    assert.equal(found("1-930b4fbc7a", twins, new Map([["1@1", [5000]]])), "orphan  1 2");
    assert.equal(found("1-930b4fbc7a", twins, new Map([["1@1", [4097, 4098]]])), "orphan  1 2");
    assert.deepEqual(
      discover([file("1-930b4fbc7a")], twins)[0]?.ambiguous,
      twins.map(({ id }) => id),
    );
  });

  it("tells of all at once, each by its own file and inode", () => {
    const all = discover([file("1-930b4fbc7a", 7), file("2-930b4fbc7a", 8), file("8de7c36c9fa2", 9)], networks);
    assert.deepEqual(all, [
      {
        file: "1-930b4fbc7a",
        path: "/netns/1-930b4fbc7a",
        inode: 7,
        key: "7@1",
        kind: "overlay",
        epoch: 1,
        network: { id: classic, name: "back" },
      },
      {
        file: "2-930b4fbc7a",
        path: "/netns/2-930b4fbc7a",
        inode: 8,
        key: "8@1",
        kind: "overlay",
        epoch: 2,
        network: { id: classic, name: "back" },
      },
    ]);
  });
});
