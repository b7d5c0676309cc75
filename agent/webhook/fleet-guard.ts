import type { KeyObject } from "node:crypto";
import { type Breaker, fleetBreaker } from "../../dispatch/gateway/breaker.ts";
import { openFleet } from "../../dispatch/nats/ask.ts";
import type { Broker } from "../../dispatch/nats/connection.ts";
import type { Seen } from "../../dispatch/nats/fleet.ts";
import type { Admits } from "../../dispatch/nats/flood.ts";
import type { FleetPause } from "../../dispatch/nats/fleet-pause.ts";
import { PauseWatch } from "../../dispatch/nats/fleet-pause-watch.ts";
import { openPauseTelling, type PauseTelling } from "../../dispatch/nats/pause-telling.ts";
import { milliseconds } from "../config/milliseconds.ts";
import type { Config } from "../config/schema.ts";
import type { Ways } from "./telling.ts";

interface GuardParts {
  readonly broker: Broker;
  readonly signingKey: KeyObject;
  /** By host key: signs of life. */
  readonly seen: ReadonlyMap<string, Seen>;
  /** Counts what a host sends. */
  readonly admits: Admits;
  /** Hosts that have a place at the broker. */
  readonly size: () => number | undefined;
  readonly ways: Omit<Ways, "now">;
}

/** Whether the whole fleet stands still, and what brings that about by itself. */
export interface FleetGuard {
  /** Why nothing is handed over now. */
  readonly paused: () => Promise<string | undefined>;
  readonly isPaused: () => boolean;
  /** A host has paged, or tells of a job of its own. By its key. */
  readonly saw: (key: string) => void;
  /** A host has given a sign of life. By its key. */
  readonly isThere: (key: string) => void;
  /** How often the breaker has opened since it was asked last. */
  readonly openings: () => number;
  readonly close: () => void;
}

/** Milliseconds for a host to keep it: its helper waits for who is at work. */
const withinMs = 20_000;

export function openFleetGuard({ broker: rules }: Pick<Config, "broker">, parts: GuardParts): FleetGuard {
  const { broker, signingKey, seen, admits, size, ways } = parts;
  const breaker = breakerOf(rules, size);
  let [telling, openings]: [PauseTelling | undefined, number] = [undefined, 0];
  const watch = new PauseWatch({
    broker,
    signingKey,
    onChange: (pause) => {
      // What was seen before counts no more.
      breaker.reset();
      note(pause, ways);
    },
    onTrouble: (what) => ways.log.error(`${what}; hosts that were told of a pause keep it themselves`, "fleet pause"),
  });
  const wanted = () => ({ pause: watch.current(), isSaid: watch.isSaid });
  const onTrouble = (host: string, trouble: string) =>
    ways.log.warn(`${host} could not be told whether the fleet is paused: ${trouble}`, `fleet pause told ${host}`);
  const begin = async (): Promise<void> => {
    const ask = openFleet({ connection: await broker.ready, signingKey, withinMs, admits });
    telling = openPauseTelling({ ask, seen, wanted, onTrouble });
  };
  // It was closed before there was a connection.
  void begin().catch(() => undefined);
  const open = async (reason: string): Promise<void> => {
    const opening = watch.open({ until: Date.now() + milliseconds(rules.breaker_for), reason, by: "breaker" });
    telling?.now();
    if (!(await opening)) return;
    openings++;
    tellPeople(reason, rules.breaker_for, ways);
  };
  return {
    paused: async () => sentenceOf(await watch.standing()),
    isPaused: () => watch.current() !== undefined,
    saw: (key) => {
      const reason = watch.current() === undefined ? breaker.saw(key, Date.now()) : undefined;
      if (reason !== undefined) void open(reason);
    },
    isThere: (key) => telling?.saw(key),
    openings: () => {
      const count = openings;
      openings = 0;
      return count;
    },
    close: () => {
      telling?.close();
      watch.close();
    },
  };
}

function breakerOf(rules: Config["broker"], size: () => number | undefined): Breaker {
  const { breaker_window: window, breaker_hosts: hosts, breaker_share: share } = rules;
  return fleetBreaker({ windowMs: milliseconds(window), hosts, share: share / 100 }, size);
}

const lift = "`overlaywatch pause --fleet --off` on the gateway's machine lifts it";

function sentenceOf(pause: FleetPause | undefined): string | undefined {
  if (pause === undefined) return undefined;
  const who = pause.by === "breaker" ? " by its breaker" : "";
  return `the whole fleet is paused${who} until ${new Date(pause.until).toISOString()}: ${pause.reason}; ${lift}`;
}

function note(pause: FleetPause | undefined, { log, notes }: Omit<Ways, "now">): void {
  const text = sentenceOf(pause) ?? "the fleet is not paused any more: pages are handed over again";
  if (pause === undefined) log.info(text);
  else log.warn(text);
  notes.write({ kind: "page", message: text, outcome: pause === undefined ? "resumed" : "paused" });
}

function tellPeople(reason: string, length: string, { outputs, notes, log }: Omit<Ways, "now">): void {
  const text = `the fleet's breaker has opened: ${reason}; nothing is healed anywhere for ${length}, and pages are answered \`paused\`. Look for what all of them have in common: a deployment, the network, the cluster's store. Then ${lift}`;
  log.error(text, "fleet breaker");
  notes.write({ kind: "page", message: text, outcome: "breaker" });
  outputs.event({
    title: "overlaywatch: the whole fleet is paused by its breaker",
    text,
    alertType: "error",
    tags: { reason: "breaker" },
  });
}
