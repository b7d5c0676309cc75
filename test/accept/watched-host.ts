import { setTimeout as sleep } from "node:timers/promises";
import { loss } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import type { Lab } from "../../lab/lab.ts";
import { macOfIp } from "../../overlay/truth/place.ts";
import type { AddressChurn, Tenure } from "./address-churn.ts";
import { type Arrived, Delivered } from "./delivered.ts";
import { readJournal } from "./pipeline.ts";
import { onHost, type Program } from "./program.ts";
import { Treatment } from "./treatment.ts";

/** What the program said of an address, and what a ping from a container of that host said right then. */
export interface Judged {
  readonly host: string;
  readonly ip: string;
  readonly what: string;
  /** `true`: it is cut off. `moved`: who had it left meanwhile, so there is nothing to ask. */
  readonly verdict: "true" | "false" | "moved";
  /** Percent. */
  readonly lost?: number;
}

/** Milliseconds between two runs of each. */
export interface Rhythm {
  readonly collectors: string;
  readonly doctor: number;
  readonly cleanup: number;
}

/** A telling takes so long to be believed, or a cycle to end, in milliseconds: what it says can be as old as that. */
const [believedAfter, cycleTakes] = [15_000, 3000];

/**
 * A host with the program at work on it, as an operator has it: the agent, that would heal by itself if it were told to, now and
 * then `doctor`, now and then `cleanup --apply`. All that it says is active or lost is asked of the network itself.
 */
export class WatchedHost {
  readonly host: LabHost;
  readonly here: Treatment;
  readonly judged: Judged[] = [];
  readonly doctors: { readonly code: number; readonly out: string }[] = [];
  readonly cleanups: { readonly code: number; readonly out: string }[] = [];
  /** Addresses for which a cleanup wrote. */
  readonly written: string[] = [];
  /** Losses of an address that stayed where it was, told once and not again. */
  single = 0;
  pings = 0;
  worst = 0;
  readonly #churn: AddressChurn;
  readonly #rhythm: Rhythm;
  readonly #delivered: Delivered;
  readonly #agent: Program;
  readonly #since = Date.now() / 1000;
  readonly #lastLoss = new Map<string, Arrived>();
  readonly #cutOff = new Set<Tenure>();
  #read = 0;
  #noted = 0;

  private constructor(lab: Lab, host: LabHost, delivered: Delivered, churn: AddressChurn, rhythm: Rhythm) {
    this.host = host;
    this.here = new Treatment(lab, host);
    this.#churn = churn;
    this.#rhythm = rhythm;
    this.#delivered = delivered;
    const all = ["overlay", "reachability", "record", "follow", "--heal", "observe", "--state-dir", this.here.state];
    this.#agent = onHost(host, ["run", ...all], {
      ...delivered.settings,
      OVERLAYWATCH_COLLECTORS_OVERLAY_INTERVAL: rhythm.collectors,
      OVERLAYWATCH_COLLECTORS_REACHABILITY_INTERVAL: rhythm.collectors,
    });
  }

  static async open(lab: Lab, host: LabHost, churn: AddressChurn, rhythm: Rhythm): Promise<WatchedHost> {
    return new WatchedHost(lab, host, await Delivered.open(lab), churn, rhythm);
  }

  /** Until `isOver`; every run that has begun then is brought to its end. */
  async watch(isOver: () => boolean): Promise<void> {
    await Promise.all([
      every(this.#rhythm.doctor, isOver, async () => this.#doctor()),
      every(this.#rhythm.cleanup, isOver, async () => this.#cleanup()),
      every(500, isOver, async () => this.#listen()),
    ]);
  }

  /** Ends the agent; gives the cycles that it sent and what it said it would have written. Throws where it did not end well. */
  async close() {
    const { code } = await this.#agent.stop();
    await this.#listen();
    await this.#delivered.close();
    if (code !== 0) throw new Error(`the agent on ${this.host.name} ended with ${code}: ${this.#agent.err()}`);
    const notes = await readJournal(this.host, this.#since, "remedy");
    const planned = notes.filter(({ outcome }) => outcome !== "refused" && outcome !== "ambiguous");
    return { cycles: this.#delivered.cycles, planned: planned.map(({ message }) => message) };
  }

  async #doctor(): Promise<void> {
    const { code, json, out } = await this.here.doctor();
    this.doctors.push({ code, out });
    for (const { class: of, state, ip, evidence } of json.networks.flatMap(({ findings }) => findings))
      if (state === "active") await this.#ask(ip ?? "", `doctor: ${of}: ${evidence}`);
  }

  /** First what it would do: what it does can not be asked about any more. */
  async #cleanup(): Promise<void> {
    const { json: before } = await this.here.cleanup();
    const planned = new Map(before.actions.map(({ ip, class: of, reason }) => [ip, `${of}: ${reason}`]));
    for (const [ip, what] of planned) await this.#ask(ip, `cleanup would write: ${what}`);
    const { code, json, out } = await this.here.cleanup("--apply");
    this.cleanups.push({ code, out });
    this.written.push(...new Set(json.actions.map(({ ip }) => ip)));
  }

  /** What the agent sent since the last time. */
  async #listen(): Promise<void> {
    const arrived = this.#delivered.arrived.slice(this.#read);
    this.#read += arrived.length;
    for (const one of arrived)
      if (one.name === "probe.loss" && one.tags["placement"] === "remote") await this.#lost(one);
    if (!arrived.some(isActive)) return;
    const found = (await readJournal(this.host, this.#since, "finding")).filter(({ state }) => state === "active");
    for (const { ip, message, stored } of found.slice(this.#noted))
      await this.#ask(ip ?? "", `agent: ${message}`, stored / 1000);
    this.#noted = found.length;
  }

  /** Once is the moment in which it left, or in which the one that asks did; of one that stays, twice is a loss. */
  async #lost(one: Arrived): Promise<void> {
    const name = one.tags["container_name"] ?? "";
    const before = this.#lastLoss.get(name);
    this.#lastLoss.set(name, one);
    this.pings += 1;
    if (one.value === 0) return;
    const tenure = this.#churn.tenures.findLast(({ container }) => container === name);
    if (!stayed(tenure, one, one)) return;
    if (before === undefined || before.value === 0 || !stayed(tenure, before, one)) return void (this.single += 1);
    this.worst = Math.max(this.worst, Math.min(before.value, one.value));
    await this.#ask(tenure?.ip ?? "", `${name}: probe.loss ${before.value}, then ${one.value}`);
  }

  /** Once for each container and address that is cut off: a ping is traffic too, by which an engine may write rows. */
  async #ask(ip: string, what: string, at = Date.now()): Promise<void> {
    const told = { host: this.host.name, ip, what };
    const had = this.#churn.tenures.findLast((one) => one.ip === ip && one.from <= at);
    if (had === undefined || had.until < Infinity) {
      const isLate = had !== undefined && at - had.until < believedAfter;
      return void this.judged.push({ ...told, verdict: isLate ? "moved" : "false" });
    }
    if (this.#cutOff.has(had)) return;
    const lost = await this.#lossTo(had);
    const verdict = had.until < Infinity ? "moved" : lost === 100 ? "true" : "false";
    if (verdict === "true") this.#cutOff.add(had);
    this.judged.push({ ...told, verdict, lost });
  }

  /** Here, who has known it from before asks for no MAC: a request would end what is to be seen, or begin it (moby#29024). */
  async #lossTo({ ip, host }: Tenure): Promise<number> {
    return host === this.host ? this.#warmLoss(ip) : loss(this.host, `stay${this.host.number}`, ip, 5);
  }

  async #warmLoss(ip: string): Promise<number> {
    const stays = `stay${this.host.number}`;
    const known = ["lladdr", macOfIp(ip) ?? "", "dev", await this.#deviceOf(stays)];
    await this.host.inNetworkOf(stays, ["ip", "neigh", "replace", ip, ...known, "nud", "permanent"]);
    try {
      return await loss(this.host, stays, ip, 5);
    } finally {
      await this.host.inNetworkOf(stays, ["ip", "neigh", "del", ip, ...known.slice(2)]);
    }
  }

  /** Of the churn's network: Docker counts interfaces in the order of joining. */
  async #deviceOf(container: string): Promise<string> {
    const { stdout } = await this.host.inNetworkOf(container, ["ip", "-o", "-4", "address", "show"]);
    const ip = this.#churn.tenureOf(container)?.ip ?? "";
    const line = stdout.split("\n").find((one) => one.includes(` ${ip}/`)) ?? "";
    return /^\d+: (\S+)/u.exec(line)?.[1] ?? "";
  }
}

const isActive = ({ name, value, tags }: Arrived): boolean =>
  name === "overlay.findings" && tags["state"] === "active" && value > 0;

/** From before the first was asked until after the last had come. */
const stayed = (tenure: Tenure | undefined, first: Arrived, last: Arrived): boolean =>
  tenure === undefined || (tenure.from < first.at - cycleTakes && tenure.until > last.at);

async function every(milliseconds: number, isOver: () => boolean, work: () => Promise<void>): Promise<void> {
  while (!isOver()) {
    const next = Date.now() + milliseconds;
    await work();
    while (!isOver() && Date.now() < next) await sleep(100);
  }
}
