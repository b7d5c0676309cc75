import type { RemoteFault } from "../../lab/remote-fault.ts";

/** What is broken: two containers of one host, as in moby#29024, or the way to one on another host. */
export type DemoFault = "outage" | RemoteFault;

/** Percent of pings lost from one container to another. */
export interface Loss {
  readonly from: string;
  readonly to: string;
  readonly percent: number;
}

/** Of a container's interfaces together, as the Datadog agent reads them. */
export interface Counters {
  /** Packets a second. */
  readonly received: number;
  readonly sent: number;
  /** Received and sent, while it was looked. */
  readonly errors: number;
  readonly drops: number;
}

export interface Seconds {
  readonly seen: number | null;
  readonly paged: number | null;
  readonly ended: number | null;
  readonly healed: number | null;
  readonly recovered: number | null;
}

export interface Found {
  readonly class: string;
  readonly container: string | null;
  readonly evidence: string;
}

/** What is told of each step. */
export interface Steps {
  readonly setup: {
    readonly engine: string;
    readonly driver: "classic" | "swarm";
    readonly network: string;
    readonly hosts: readonly { readonly name: string; readonly containers: readonly string[] }[];
    readonly gateway: string;
    readonly broker: boolean;
    readonly strategy: string;
    /** That it took. */
    readonly seconds: number;
  };
  readonly baseline: {
    readonly loss: readonly Loss[];
    /** That Datadog has received. */
    readonly series: number;
    /** Monitors in the state of an alert. */
    readonly alerts: readonly string[];
  };
  readonly break: {
    readonly fault: DemoFault;
    readonly host: string;
    readonly commands: readonly string[];
    readonly loss: Loss;
  };
  readonly agent: {
    readonly host: string;
    readonly containers: readonly { readonly name: string; readonly before: Counters; readonly now: Counters }[];
  };
  readonly seen: {
    readonly host: string;
    readonly metric: string;
    readonly value: number;
    readonly containers: readonly string[];
  };
  readonly finding: { readonly host: string; readonly findings: readonly Found[] };
  readonly page: {
    readonly monitor: string;
    readonly host: string;
    /** The gateway's answer to the webhook. */
    readonly code: number;
    readonly trace: string;
  };
  readonly cure: {
    readonly host: string;
    readonly strategy: string;
    /** How the worker's job ended. */
    readonly state: string;
    readonly message: string;
    readonly commands: readonly string[];
    /** Other hosts on which something was changed. */
    readonly elsewhere: readonly string[];
  };
  /** Before anything was done about it, as it may: the bridge has learned the right ports again. It is broken once more. */
  readonly by_itself: { readonly loss: Loss };
  readonly by_hand: {
    readonly host: string;
    /** What a person has typed, and its exit code and outcome. */
    readonly command: string;
    readonly exit: number;
    readonly outcome: string;
    readonly commands: readonly string[];
    /** Percent, before and after. */
    readonly lost: readonly (readonly [before: number, after: number])[];
  };
  readonly healed: { readonly loss: readonly Loss[] };
  readonly not_healed: { readonly loss: readonly Loss[] };
  readonly mended: { readonly loss: readonly Loss[] };
  readonly recovered: {
    readonly monitor: string;
    /** What the worker found when it looked again after the cure; null where it has not yet. */
    readonly looked_again: string | null;
  };
  readonly summary: { readonly outcome: "healed" | "not healed, as told"; readonly seconds: Seconds };
}

export type StepName = keyof Steps;

/** One step, in the order in which they are told. `at_s`: seconds since the break; null before it. */
export type Step<S extends StepName = StepName> = {
  [Name in S]: { readonly step: Name; readonly at_s: number | null } & Steps[Name];
}[S];
