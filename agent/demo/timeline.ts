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

/** What happened, in the order in which it is told. `at_s`: seconds since the break; null before it. */
export type Step =
  | {
      readonly step: "setup";
      readonly at_s: null;
      readonly engine: string;
      readonly network: string;
      readonly hosts: readonly { readonly name: string; readonly containers: readonly string[] }[];
      readonly gateway: string;
      readonly broker: boolean;
      readonly strategy: string;
      /** That it took. */
      readonly seconds: number;
    }
  | {
      readonly step: "baseline";
      readonly at_s: null;
      readonly loss: readonly Loss[];
      /** That Datadog has received. */
      readonly series: number;
      /** Monitors in the state of an alert. */
      readonly alerts: readonly string[];
    }
  | {
      readonly step: "break";
      readonly at_s: number;
      readonly fault: DemoFault;
      readonly host: string;
      readonly commands: readonly string[];
      readonly loss: Loss;
    }
  | {
      readonly step: "agent";
      readonly at_s: number;
      readonly host: string;
      readonly containers: readonly { readonly name: string; readonly before: Counters; readonly now: Counters }[];
    }
  | {
      readonly step: "seen";
      readonly at_s: number;
      readonly host: string;
      readonly metric: string;
      readonly value: number;
      readonly containers: readonly string[];
    }
  | { readonly step: "finding"; readonly at_s: number; readonly host: string; readonly findings: readonly Found[] }
  | {
      readonly step: "page";
      readonly at_s: number;
      readonly monitor: string;
      readonly host: string;
      /** The gateway's answer to the webhook. */
      readonly code: number;
      readonly trace: string;
    }
  | {
      readonly step: "cure";
      readonly at_s: number;
      readonly host: string;
      readonly strategy: string;
      /** How the worker's job ended. */
      readonly state: string;
      readonly message: string;
      readonly commands: readonly string[];
    }
  | { readonly step: "healed" | "not_healed" | "mended"; readonly at_s: number; readonly loss: readonly Loss[] }
  | { readonly step: "recovered"; readonly at_s: number; readonly monitor: string }
  | { readonly step: "summary"; readonly at_s: number; readonly outcome: "healed" | "not healed, as told"; readonly seconds: Seconds };
