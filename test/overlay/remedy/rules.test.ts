import assert from "node:assert/strict";
import { truthWith } from "../truth/with.ts";
import type { OverlayDriver } from "../../../overlay/engine.ts";
import type { DiagnoseInput, NamespaceInput } from "../../../overlay/diagnose/input.ts";
import type { Endpoint } from "../../../overlay/endpoints.ts";
import { after, type Heal, type Limits, noLimitsYet } from "../../../overlay/remedy/limits.ts";
import { planRemedy, type PlanInput, strategies } from "../../../overlay/remedy/plan.ts";
import { caseOf, commandsOf, now, rulesOf, wanted, withFirst } from "./wanted.ts";

const broken = caseOf("broken-outage");
const a = "02:42:0a:00:00:02";
const netns = "1-3acafc45f1";

/** The outage, with A1's endpoint changed: B1 must still be healed, A1 must not. */
const withA1 = (change: (a1: Endpoint) => Endpoint): DiagnoseInput =>
  withFirst(broken, ({ endpoints = [] }) => ({
    endpoints: endpoints.map((one) => (one.owner.name === "A1" ? change(one) : one)),
  }));

function spares(input: DiagnoseInput, reason: RegExp, who: PlanInput["who"] = "operator"): void {
  for (const strategy of strategies.filter((one) => one !== "arp" || who === "operator")) {
    const plan = planRemedy(wanted(input, { strategy, who }));
    assert.ok(!commandsOf(plan).some((command) => command.includes(a)), `${strategy}: ${commandsOf(plan).join("; ")}`);
    assert.ok(
      plan.ambiguous.some(({ sentence }) => reason.test(sentence)),
      JSON.stringify(plan.ambiguous),
    );
  }
}

const on = (version: string | undefined, driver: OverlayDriver) => ({ ...broken, engine: { version, driver } });

function refuses(more: Partial<PlanInput>, rule: string, input = broken): void {
  const plan = planRemedy(wanted(input, more));
  assert.deepEqual(plan.actions, []);
  assert.deepEqual(rulesOf(plan), [rule]);
}

const healed = (...heals: readonly Heal[]): Limits =>
  heals.reduce((limits: Limits, heal) => after(limits, { kind: "healed", ...heal }), noLimitsYet);

const many = (sick: number, all: number): DiagnoseInput =>
  withFirst(broken, ({ endpoints = [] }) => {
    const made = Array.from({ length: all }, (_, n): Endpoint => ({
      ...endpoints[0]!,
      mac: `02:42:0a:00:01:${n.toString(16).padStart(2, "0")}`,
      ip: `10.0.1.${n}`,
      owner: { kind: "container", name: `m${n}` },
    }));
    return {
      endpoints: made,
      activity: new Map(made.slice(0, sick).map(({ mac }) => [mac, { share: 1, reads: 0, onVxlan: 0 }])),
    };
  });

describe("overlay/remedy: the rules, each tried to be broken", () => {
  it("the same tables without any trick are healed", () => {
    assert.equal(planRemedy(wanted(broken)).actions.length, 2);
  });

  it("a namespace that fits no network, or two, is not touched", () => {
    for (const change of [{ kind: "orphan" }, { ambiguous: ["a".repeat(64), "b".repeat(64)] }] as const) {
      const plan = planRemedy(
        wanted(
          withFirst(broken, (): Partial<NamespaceInput> => change),
          { who: "operator" },
        ),
      );
      assert.deepEqual(plan.actions, []);
    }
  });

  it("swarm's load balancer is no container", () => {
    spares(
      withA1((one) => ({ ...one, owner: { kind: "load-balancer", name: "lb-testnet" } })),
      /no container/,
    );
  });

  it("a MAC that Docker gives to two containers has no one place", () => {
    spares(
      withFirst(broken, ({ endpoints = [] }) => ({
        endpoints: [...endpoints, { ...endpoints[0]!, ip: "10.0.0.8", owner: { kind: "container", name: "Z" } }],
      })),
      /2 running containers/,
    );
  });

  it("an address that Docker gives to two containers says nothing", () => {
    spares(
      withFirst(broken, ({ endpoints = [] }) => ({
        endpoints: [
          ...endpoints,
          { ...endpoints[0]!, mac: "02:42:0a:00:00:63", owner: { kind: "container", name: "Z" } },
        ],
      })),
      /10\.0\.0\.2 to 2 running containers/,
    );
  });

  it("a device's own MAC is the bridge's business", () => {
    const own = withFirst(broken, ({ tables }) => ({
      tables: { ...tables, links: tables.links.map((link) => (link.name === "br0" ? { ...link, mac: a } : link)) },
    }));
    spares(own, /belongs to a device/);
  });

  it("a container whose port was not found, is no veth any more, or was taken by another is not pinned", () => {
    spares(
      withA1(({ veth: _veth, ...one }) => one),
      /was not found/,
    );
    spares(
      withA1((one) => ({ ...one, veth: { ...one.veth!, ifindex: 4711 } })),
      /no veth of the namespace any more/,
    );
    spares(
      withA1((one) => ({ ...one, veth: { ...one.veth!, name: "vxlan0" } })),
      /no veth of the namespace any more/,
    );
  });

  it("a port outside of the overlay's bridge is not touched", () => {
    const loose = withFirst(broken, ({ tables }) => ({
      tables: {
        ...tables,
        links: tables.links.map((link) => (link.name === "veth0" ? { ...link, master: { name: "br9" } } : link)),
      },
    }));
    spares(loose, /on no bridge with a vxlan device/);
  });

  it("two endpoints behind one veth are not told apart", () => {
    spares(
      withFirst(broken, ({ endpoints = [] }) => ({
        endpoints: [
          ...endpoints,
          { ...endpoints[0]!, ip: "10.0.0.9", mac: "02:42:0a:00:00:09", owner: { kind: "container", name: "Z" } },
        ],
      })),
      /share the port/,
    );
  });

  it("a MAC that also runs on another host is not pinned here", () => {
    spares(
      withFirst(broken, () => ({ truth: truthWith(a) })),
      /on another host too/,
    );
  });

  it("encrypted and IPv6 overlays are observed only, unless a person asks", () => {
    for (const kind of [{ encrypted: true }, { ipv6: true }]) {
      const input = withFirst(broken, () => kind);
      spares(input, /observed only/, "automatic");
      assert.equal(planRemedy(wanted(input, { who: "operator" })).actions.length, 2);
    }
  });

  it("nothing is written when Docker does not answer, or its list is old, whoever asks", () => {
    const facts = { now, engineStartedAt: 0 };
    refuses({ facts: { ...facts, dockerAsOf: undefined }, who: "operator" }, "docker-answers-now");
    refuses({ facts: { ...facts, dockerAsOf: now - 5001 }, who: "operator" }, "docker-answers-now");
    refuses({ facts: { ...facts, dockerAsOf: now + 5001 }, who: "operator" }, "docker-answers-now");
  });

  it("self rows are never deleted on engine 29 or one of unknown version, whoever asks; a pin is allowed", () => {
    for (const version of ["29.0.1", "30.0", "nightly", undefined]) {
      const input = { ...broken, engine: { version, driver: "swarm" } } as const;
      refuses({ strategy: "clean", who: "operator" }, "self-rows-may-go", input);
      assert.equal(planRemedy(wanted(input, { who: "operator" })).actions.length, 2);
    }
  });

  it("unattended only on engines that the tests ran", () => {
    const tested = [["20.10.24+dfsg1", "classic"] as const, ["26.1.5", "swarm"] as const, ["28.5.2", "swarm"] as const];
    for (const [version, driver] of tested)
      assert.equal(planRemedy(wanted(on(version, driver))).actions.length, 2, version);
    for (const version of ["19.03.1", "20.1.0", "28.5.2", "29.0.0", undefined])
      refuses({}, "tested-engine", on(version, "classic"));
    for (const version of ["20.1.0", "28.50.0", "29.0.0"]) refuses({}, "tested-engine", on(version, "swarm"));
    refuses({ strategy: "arp", who: "automatic" }, "tested-engine");
  });

  it("unattended not within 60 s of the engine's start, nor where that is not known", () => {
    const facts = { now, dockerAsOf: now };
    refuses({ facts: { ...facts, engineStartedAt: now - 59_999 } }, "settled-engine");
    refuses({ facts: { ...facts, engineStartedAt: undefined } }, "settled-engine");
    refuses({ facts: { ...facts, engineStartedAt: 0, swarmUnsettled: true } }, "settled-engine");
    assert.equal(planRemedy(wanted(broken, { facts: { ...facts, engineStartedAt: now - 60_000 } })).actions.length, 2);
  });

  it("the kill switch binds everybody", () => {
    const limits = after(noLimitsYet, { kind: "killed", at: now, reason: "audit" });
    refuses({ limits, who: "operator" }, "kill-switch");
    refuses({ limits }, "kill-switch");
  });

  it("a pause binds everybody until it ends", () => {
    const limits = after(noLimitsYet, { kind: "paused", until: now + 1, reason: "upgrade" });
    refuses({ limits }, "pause");
    refuses({ limits, who: "operator" }, "pause");
    const over = after(noLimitsYet, { kind: "paused", until: now, reason: "upgrade" });
    assert.equal(planRemedy(wanted(broken, { limits: over })).actions.length, 2);
  });

  it("one MAC once in 30 s, the others not held up; the same MAC of another network is another", () => {
    const plan = planRemedy(wanted(broken, { limits: healed({ at: now - 29_999, netns, mac: a }) }));
    assert.deepEqual(rulesOf(plan), ["cooldown"]);
    assert.equal(plan.actions.length, 1);
    for (const heal of [
      { at: now - 30_000, netns, mac: a },
      { at: now, netns: "1-ffffffffff", mac: a },
    ])
      assert.equal(planRemedy(wanted(broken, { limits: healed(heal) })).actions.length, 2);
  });

  it("a clock that was set back lifts no limit", () => {
    assert.deepEqual(rulesOf(planRemedy(wanted(broken, { limits: healed({ at: now + 3_600_000, netns, mac: a }) }))), [
      "cooldown",
    ]);
  });

  it("20 MACs of a namespace within a minute, and the twenty-first waits", () => {
    const others = Array.from({ length: 19 }, (_, n) => ({ at: now - 50_000, netns, mac: `02:42:00:00:00:${n + 10}` }));
    const plan = planRemedy(wanted(broken, { limits: healed(...others) }));
    assert.deepEqual([plan.actions.length, rulesOf(plan)], [1, ["per-minute"]]);
  });

  it("the third heal of a MAC within ten minutes was the last: the breaker opens and says so", () => {
    const heals = [500_000, 300_000, 100_000].map((ago) => ({ at: now - ago, netns, mac: a }));
    const plan = planRemedy(wanted(broken, { limits: healed(...heals) }));
    assert.deepEqual([plan.actions, rulesOf(plan), plan.trips?.kind], [[], ["breaker"], "tripped"]);
    assert.equal(planRemedy(wanted(broken, { limits: healed(...heals.slice(1)) })).actions.length, 2);
    const open = after(noLimitsYet, plan.trips!);
    refuses({ limits: open }, "breaker");
    refuses(
      { limits: open, facts: { now: now + 3_599_999, dockerAsOf: now + 3_599_999, engineStartedAt: 0 } },
      "breaker",
    );
    assert.equal(planRemedy(wanted(broken, { limits: after(open, { kind: "closed" }) })).actions.length, 2);
    assert.equal(planRemedy(wanted(broken, { limits: open, who: "operator" })).actions.length, 2);
  });

  it("more than four endpoints, and more than a tenth of the host's, at once: nothing is healed", () => {
    assert.deepEqual(rulesOf(planRemedy(wanted(many(5, 30)))), ["breaker"]);
    assert.deepEqual(rulesOf(planRemedy(wanted(many(4, 4)))), []);
    assert.deepEqual(rulesOf(planRemedy(wanted(many(6, 60)))), []);
    assert.deepEqual(rulesOf(planRemedy(wanted(many(7, 60)))), ["breaker"]);
  });
});
