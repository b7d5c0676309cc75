import type { KeyObject } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../../host/thrown.ts";
import type { Broker } from "./connection.ts";
import { type FleetPause, keepFleetPause, type Kept, Overtaken, readFleetPause, writeAgain } from "./fleet-pause.ts";
import type { Link } from "./hand-over.ts";
import { subjects } from "./subjects.ts";

export interface PauseWatchOptions {
  /** The gateway's. */
  readonly broker: Broker;
  readonly signingKey: KeyObject;
  /** It begins, is another one, or is over. */
  readonly onChange: (pause: FleetPause | undefined) => void;
  /** It is not known whether the fleet is paused, or that is not kept; once for each reason. */
  readonly onTrouble: (what: string) => void;
  /** Milliseconds between two readings, beside those that a message brings about; 10 000 unless told. */
  readonly everyMs?: number;
}

/** Milliseconds until one is tried again that did not succeed. */
const soonMs = 2000;

/** What holds for the fleet, as the broker has it: it outlives this process, and is the same for all gateways. */
export class PauseWatch {
  readonly #options: PauseWatchOptions;
  #kept: Kept | undefined;
  /** Opened here, and not at the broker yet. */
  #own: FleetPause | undefined;
  #told: FleetPause | undefined;
  #trouble = "";
  /** Of this connection: pages wait for it. */
  #first: Promise<void>;
  #reading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PauseWatchOptions) {
    this.#options = options;
    const { ready } = options.broker;
    void ready.then(
      (connection) => this.#follow(connection),
      () => undefined,
    );
    // After it listens: nothing that is said in between is missed.
    this.#first = ready.then(async () => this.#again()).catch(() => undefined);
  }

  /** What holds now, by what is known. */
  current(): FleetPause | undefined {
    const now = Date.now();
    const [first, second] = [this.#own, this.#kept?.pause].filter((one) => one !== undefined && now < one.until);
    return first !== undefined && second !== undefined && second.until > first.until ? second : first;
  }

  /** The same, once a connection that is new was asked, or that has taken too long. */
  async standing(): Promise<FleetPause | undefined> {
    if (this.#options.broker.isConnected()) await this.#first;
    return this.current();
  }

  /** Whether the broker has told, and tells: where it does not, a pause may hold that is not known here. */
  get isKnown(): boolean {
    return this.#kept !== undefined && this.#trouble === "";
  }

  /** Whether that there is a pause, or none, was ever said, signed: a broker that knows nothing lifts none. */
  get isSaid(): boolean {
    return this.isKnown && this.#kept !== undefined && this.#kept.at > 0;
  }

  /** Holds here from now on; false where one did already, or another gateway was first. Resolves when it is at the broker. */
  async open(pause: FleetPause): Promise<boolean> {
    if (this.current() !== undefined) return false;
    this.#own = pause;
    this.#tell();
    await this.#again();
    return this.#own === pause || this.#kept?.pause?.until === pause.until;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #follow(connection: NatsConnection): Promise<void> {
    connection.subscribe(subjects.fleetPause, { callback: () => void this.#again() });
    for await (const { type } of connection.status()) if (type === "reconnect") this.#first = this.#again();
  }

  /** One after the other: an older answer never comes after a newer. */
  #again(): Promise<void> {
    const { broker } = this.#options;
    const before = this.#reading;
    const mine = async (): Promise<void> => {
      await before;
      if (!this.#closed && broker.isConnected()) await this.#look(await broker.ready);
    };
    this.#reading = mine();
    return this.#reading;
  }

  async #look(connection: NatsConnection): Promise<void> {
    const { broker, onTrouble } = this.#options;
    const link = { connection, timeoutMs: broker.timeoutMs };
    try {
      await this.#read(link);
      if (this.#own !== undefined) await this.#keep(this.#own, link);
      this.#trouble = "";
    } catch (error) {
      // Whatever it is: the next reading has to come.
      const what = messageOf(error);
      if (this.#trouble !== what && broker.isConnected()) onTrouble(what);
      this.#trouble = what;
    }
    this.#tell();
  }

  /** A broker that has lost its disk, or that gives an older word again, does not undo what was said: it is written again. */
  async #read(link: Link): Promise<void> {
    const { signingKey, onTrouble } = this.#options;
    const [read, known] = [await readFleetPause(link, signingKey), this.#kept];
    if (known === undefined || read.at >= known.at) return this.#take(read);
    const what = read.seq === 0 ? "has forgotten what was said of" : "gives an older word on";
    onTrouble(`the broker ${what} the fleet's pause: what was said last holds, and is written again`);
    // Another gateway may do so at the same moment, and is heard of.
    this.#kept = await writeAgain(link, known, signingKey, read.seq).catch((error: unknown) => {
      if (error instanceof Overtaken) return known;
      throw error;
    });
  }

  /** A word that is newer than what was opened here is the fleet's; and so is a pause that holds. */
  #take(kept: Kept): void {
    const isNewer = this.#kept !== undefined && kept.at !== this.#kept.at;
    const { pause } = kept;
    if (isNewer || (pause !== undefined && Date.now() < pause.until)) this.#own = undefined;
    this.#kept = kept;
  }

  async #keep(pause: FleetPause, link: Link): Promise<void> {
    try {
      this.#kept = await keepFleetPause(link, pause, this.#options.signingKey, this.#kept ?? { seq: 0, at: 0 });
      this.#own = undefined;
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
      this.#own = undefined;
      await this.#read(link);
    }
  }

  /** Sees to it that its end is seen too. */
  #tell(): void {
    const [now, before] = [this.current(), this.#told];
    this.#told = now;
    if (now?.until !== before?.until || now?.reason !== before?.reason) this.#options.onChange(now);
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#tell();
      void this.#again();
    }, this.#untilNext(now));
  }

  #untilNext(pause: FleetPause | undefined): number {
    const { everyMs = 10_000 } = this.#options;
    const next = this.#trouble === "" ? everyMs : Math.min(everyMs, soonMs);
    return pause === undefined ? next : Math.min(next, Math.max(0, pause.until - Date.now()) + 1);
  }
}
