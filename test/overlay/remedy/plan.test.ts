import assert from "node:assert/strict";
import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import { reportClasses } from "../../../overlay/diagnose/finding.ts";
import { reportOnly } from "../../../overlay/diagnose/report-only.ts";
import { planRemedy, strategies } from "../../../overlay/remedy/plan.ts";
import { caseOf, commandsOf, now, rulesOf, wanted, withFirst } from "./wanted.ts";

const broken = caseOf("broken-outage");
const a = "02:42:0a:00:00:02";
const b = "02:42:0a:00:00:03";
/** Latent. */
const c = "02:42:0a:00:00:04";

describe("overlay/remedy: the plan", () => {
  it("pins the two that lost each other, each to its own veth, and leaves the latent third alone", () => {
    const plan = planRemedy(wanted(broken));
    assert.deepEqual(commandsOf(plan), [
      `bridge fdb replace ${a} dev veth0 master static sticky`,
      `bridge fdb replace ${b} dev veth1 master static sticky`,
    ]);
    assert.deepEqual([plan.refused, plan.ambiguous, plan.trips], [[], [], undefined]);
    const [first] = plan.actions;
    assert.equal(first?.container, "A1");
    assert.equal(first.class, "local-mac-on-vxlan-port");
    assert.equal(first.undo?.join(" "), `bridge fdb replace ${a} dev vxlan0 master dynamic`);
    assert.match(first.verify, /sticky/);
  });

  it("has no answer to what is around the overlays, however active, and nothing to ask about it", () => {
    const input = caseOf("healthy-classic-20.10");
    const around = reportClasses.flatMap((of) =>
      (["active", "latent"] as const).map((state) => reportOnly({ class: of, state, evidence: "", remedy: "do it" })),
    );
    const diagnosis = { ...diagnose(input), findings: around };
    const { actions, refused, ambiguous } = planRemedy(wanted(input, { diagnosis, all: true, who: "operator" }));
    assert.deepEqual([actions, refused, ambiguous], [[], [], []]);
  });

  it("with --all treats latent ones ahead", () => {
    const pinned = planRemedy(wanted(broken, { all: true }));
    assert.equal(pinned.actions.length, 3);
    assert.ok(commandsOf(pinned).includes("bridge fdb replace 02:42:0a:00:00:04 dev veth2 master static sticky"));
  });

  it("puts back the pin of a container that was healed before and came anew, and of no other latent one", () => {
    const networkId = broken.namespaces[0]?.network?.id ?? "";
    const limits = { version: 1, heals: [], pins: [{ at: 1, networkId, mac: c }] } as const;
    const pinned = planRemedy(wanted(broken, { limits, repin: true }));
    assert.ok(commandsOf(pinned).includes(`bridge fdb replace ${c} dev veth2 master static sticky`));
    assert.deepEqual(pinned.heals.map(({ mac }) => mac).toSorted(), [a, b], "its return is no heal");
    assert.equal(planRemedy(wanted(broken, { limits })).actions.length, 2, "not where nobody asked");
    const elsewhere = { ...limits, pins: [{ at: 1, networkId: "another", mac: c }] };
    assert.equal(planRemedy(wanted(broken, { limits: elsewhere, repin: true })).actions.length, 2);
  });

  it("puts a pin back as often as its container starts, whatever strategy heals", () => {
    const networkId = broken.namespaces[0]?.network?.id ?? "";
    const netns = broken.namespaces[0]?.file ?? "";
    const heals = [1, 2, 3].map((n) => ({ at: now - n * 1000, netns, mac: c }));
    const limits = { version: 1, heals, pins: [{ at: 1, networkId, mac: c }] } as const;
    const plan = planRemedy(wanted(broken, { limits, repin: true, strategy: "clean" }));
    assert.equal(plan.trips, undefined);
    assert.ok(commandsOf(plan).includes(`bridge fdb replace ${c} dev veth2 master static sticky`));
  });

  it("cleans neighbours before self rows before learned rows, each with the dst that was read", () => {
    assert.deepEqual(commandsOf(planRemedy(wanted(broken, { strategy: "clean" }))), [
      "ip neigh del 10.0.0.2 dev vxlan0",
      "ip neigh del 10.0.0.3 dev vxlan0",
      `bridge fdb del ${a} dev vxlan0 dst 172.31.240.1 self`,
      `bridge fdb del ${b} dev vxlan0 dst 172.31.240.1 self`,
      `bridge fdb del ${a} dev vxlan0 master`,
      `bridge fdb del ${b} dev vxlan0 master`,
    ]);
  });

  it("arp is what the seed did, and nothing more", () => {
    assert.deepEqual(commandsOf(planRemedy(wanted(broken, { strategy: "arp" }))), [
      "ip neigh del 10.0.0.2 dev vxlan0",
      "ip neigh del 10.0.0.3 dev vxlan0",
    ]);
  });

  it("learning-off switches a subnet once and forgets what was learned wrong", () => {
    assert.deepEqual(commandsOf(planRemedy(wanted(broken, { strategy: "learning-off" }))), [
      "bridge link set dev vxlan0 learning off",
      `bridge fdb del ${a} dev vxlan0 master`,
      `bridge fdb del ${b} dev vxlan0 master`,
    ]);
  });

  it("acts on the subnet that is broken, not on the one beside it", () => {
    const plan = planRemedy(wanted(caseOf("two-subnets-second-one-broken"), { strategy: "clean" }));
    assert.equal(plan.actions.length, 6);
    for (const command of commandsOf(plan)) assert.match(command, / dev vxlan1( |$)/);
  });

  it("acts in the broken one of two networks with the same subnet", () => {
    const plan = planRemedy(wanted(caseOf("two-networks-one-subnet")));
    assert.deepEqual(new Set(plan.actions.map(({ netns }) => netns)), new Set(["1-3acafc45f1"]));
    assert.equal(planRemedy(wanted(caseOf("two-networks-one-subnet"), { network: "other" })).actions.length, 0);
    assert.equal(planRemedy(wanted(caseOf("two-networks-one-subnet"), { network: "testnet" })).actions.length, 2);
  });

  for (const name of [
    "healthy-classic-20.10",
    "latent-after-first-arp",
    "mended",
    "pinned-poison-kept",
    "swarm-28.5-healthy",
  ]) {
    it(`does nothing where nothing is active: ${name.replaceAll("-", " ")}`, () => {
      for (const strategy of strategies)
        assert.deepEqual(planRemedy(wanted(caseOf(name), { strategy })).actions, [], strategy);
    });
  }

  it("says what only a person can judge, and heals the rest", () => {
    const plan = planRemedy(wanted(caseOf("one-mac-two-containers")));
    assert.deepEqual(commandsOf(plan), [`bridge fdb replace ${a} dev veth0 master static sticky`]);
    assert.deepEqual(
      plan.ambiguous.map(({ container }) => container),
      ["B1", "Twin"],
    );
    assert.match(plan.ambiguous[0]?.sentence ?? "", /to 2 running containers: B1, Twin/);
  });

  it("a missing row of a remote container is told of, never guessed at", () => {
    const plan = planRemedy(wanted(caseOf("swarm-28.5-missing-self-row"), { who: "operator" }));
    assert.deepEqual(plan.actions, []);
    assert.equal(plan.ambiguous.length, 1);
  });

  it("never touches floating addresses, rows to other hosts or MACs that Docker does not give", () => {
    const plan = planRemedy(wanted(caseOf("floating-address-and-macvlan"), { all: true, strategy: "clean" }));
    const text = commandsOf(plan).join("\n");
    assert.match(text, /ip neigh del 10\.0\.0\.4 dev vxlan0/);
    for (const stranger of ["10.0.0.99", "172.31.240.9", "02:42:de:ad:be:ef", "02:42:99:00:00:01"])
      assert.ok(!text.includes(stranger), stranger);
    assert.equal(text.match(/10\.0\.0\.4/g)?.length, 1);
  });

  it("leaves an address alone whose row has another MAC: `ip neigh del` names the address only", () => {
    const floating = withFirst(caseOf("floating-address-and-macvlan"), ({ tables }) => ({
      tables: {
        ...tables,
        neighbours: tables.neighbours.filter(({ ip, mac }) => ip !== "10.0.0.4" || mac === "02:42:de:ad:be:ef"),
      },
    }));
    const text = commandsOf(planRemedy(wanted(floating, { all: true, strategy: "clean" }))).join("\n");
    assert.ok(!text.includes("ip neigh del 10.0.0.4"), text);
    assert.match(text, /ip neigh del 10\.0\.0\.3/);
  });

  it("with Docker silent, or listing nobody, there is nothing to do", () => {
    for (const name of ["docker-does-not-tell", "docker-lists-nobody"]) {
      for (const strategy of strategies)
        assert.deepEqual(planRemedy(wanted(caseOf(name), { strategy, all: true, who: "operator" })).actions, [], name);
    }
  });

  it("a device whose name could be taken for something else is not acted on", () => {
    const links = broken.namespaces[0]!.tables.links.map((link) =>
      link.name === "veth0" ? { ...link, name: "-batch" } : link,
    );
    const odd = withFirst(broken, (first) => ({
      tables: { ...first.tables, links },
      endpoints: first.endpoints!.map((one) =>
        one.owner.name === "A1" ? { ...one, veth: links.find(({ name }) => name === "-batch")! } : one,
      ),
    }));
    const plan = planRemedy(wanted(odd));
    assert.deepEqual(commandsOf(plan), [`bridge fdb replace ${b} dev veth1 master static sticky`]);
    assert.deepEqual(rulesOf(plan), ["arguments"]);
  });

  it("hostile names of containers are no part of any command", () => {
    const plan = planRemedy(wanted(caseOf("hostile-names-and-odd-rows"), { all: true, strategy: "clean" }));
    assert.ok(plan.actions.length > 0);
    for (const command of commandsOf(plan)) assert.match(command, /^[a-z0-9:. ]+$/);
  });
});
