import type { NamespaceInput } from "../diagnose/input.ts";
import { engineVersion, type OverlayDriver, testedAs } from "../engine.ts";
import type { Strategy } from "./plan.ts";

/** A person at the keyboard, or the program by itself. */
export type Who = "operator" | "automatic";

/** What has to be known of the host before anything is written on it. */
export interface GateFacts {
  readonly who: Who;
  readonly now: number;
  readonly strategy: Strategy;
  readonly engine: { readonly version: string | undefined; readonly driver: OverlayDriver };
  /** When Docker last confirmed the list of containers; undefined: it does not answer. */
  readonly dockerAsOf: number | undefined;
  /** When the engine was started; undefined: not known. */
  readonly engineStartedAt: number | undefined;
  /** Swarm's state is `locked` or `pending`: it tells little, or what was. */
  readonly swarmUnsettled?: boolean;
}

export interface Refusal {
  readonly rule: string;
  readonly sentence: string;
  readonly container?: string;
  readonly mac?: string;
}

type Gate = (facts: GateFacts) => string | undefined;

/** The list of containers is read again for a write: an old one could call a new container's rows stale. */
const dockerAnswersNow: Gate = ({ dockerAsOf, now }) => {
  if (dockerAsOf === undefined) return "Docker does not answer, so what is local is not known";
  const age = Math.abs(now - dockerAsOf);
  return age > 5000 ? `Docker's list of containers is ${Math.round(age / 1000)} s old` : undefined;
};

/** Engine 29 adds rows exclusively and skips the rest of a delete when its row is gone: a missing self row is its own fault (moby#52661). */
const selfRowsMayGo: Gate = ({ strategy, engine }) =>
  strategy === "clean" && !mayDropSelfRows(engine.version)
    ? `self rows are never deleted on ${engine.version === undefined ? "an engine of unknown version" : `engine ${engine.version}`}: use pin`
    : undefined;

export function mayDropSelfRows(version: string | undefined): boolean {
  const read = version === undefined ? undefined : engineVersion(version);
  return read !== undefined && read.major < 29;
}

const testedEngine: Gate = ({ engine, strategy }) => {
  const read = engine.version === undefined ? undefined : engineVersion(engine.version);
  if (read === undefined) return "the engine's version is not known, so nothing is healed unattended";
  const tested = testedAs(read, engine.driver);
  const name = `engine ${engine.version} (${engine.driver})`;
  if (tested === undefined) return `${name} is not among those that the tests ran, so nothing is healed unattended`;
  return tested.heals.includes(strategy)
    ? undefined
    : `${strategy} was not seen to heal on ${name}, so nothing is healed by it unattended`;
};

/** While the engine starts, containers come and its own rows change. */
const settledEngine: Gate = ({ engineStartedAt, now, swarmUnsettled }) => {
  if (swarmUnsettled === true) return "this node's swarm state is locked or pending";
  if (engineStartedAt === undefined) return "it is not known since when the engine runs";
  const age = now - engineStartedAt;
  return age < 60_000
    ? `the engine was started ${Math.max(0, Math.round(age / 1000))} s ago; 60 s are waited`
    : undefined;
};

/** A gate, and whether it binds a person too, who sees what the program does not. */
const gates: readonly { readonly rule: string; readonly gate: Gate; readonly binds: "everybody" | "automatic" }[] = [
  { rule: "docker-answers-now", gate: dockerAnswersNow, binds: "everybody" },
  { rule: "self-rows-may-go", gate: selfRowsMayGo, binds: "everybody" },
  { rule: "tested-engine", gate: testedEngine, binds: "automatic" },
  { rule: "settled-engine", gate: settledEngine, binds: "automatic" },
];

/** Those that refuse; none: it may go on. */
export function closedGates(facts: GateFacts): readonly Refusal[] {
  return gates.flatMap(({ rule, gate, binds }) => {
    const sentence = binds === "automatic" && facts.who === "operator" ? undefined : gate(facts);
    return sentence === undefined ? [] : [{ rule, sentence }];
  });
}

/** Neither is what the tests ran, and an encrypted overlay has more ways to fail. */
export function plainOverlay({ encrypted, ipv6 }: NamespaceInput, who: Who): string | undefined {
  if (who === "operator") return undefined;
  if (encrypted === true) return "the network is encrypted: observed only";
  return ipv6 === true ? "the network has IPv6: observed only" : undefined;
}
