import type { Fleet as Questions } from "./ask.ts";
import type { Seen } from "./fleet.ts";
import type { FleetPause } from "./fleet-pause.ts";

/** What is to hold on all hosts. */
interface Wanted {
  readonly pause: FleetPause | undefined;
  /** Whether that was ever said, and is known: where it is not, no host is told that there is none. */
  readonly isSaid: boolean;
}

interface TellingOptions {
  readonly ask: Pick<Questions, "pause" | "resume">;
  /** By host key: signs of life. */
  readonly seen: ReadonlyMap<string, Seen>;
  readonly wanted: () => Wanted;
  readonly onTrouble: (host: string, trouble: string) => void;
  /** Milliseconds between two looks; 2 000 unless told. */
  readonly everyMs?: number;
  /** Milliseconds that who has set it has for telling the hosts himself; 5 000 unless told. */
  readonly graceMs?: number;
}

export interface PauseTelling {
  /** Tells all that are there and do not know it, now. */
  readonly now: () => void;
  /** A host, by its key, gives a sign of life: it is told what it does not know, now where it is back. */
  readonly saw: (key: string) => void;
  readonly close: () => void;
}

/** Milliseconds: a host is there for so long after its last sign of life, and is not told the same again before. */
export const [thereFor, againAfter] = [60_000, 30_000] as const;

/** Hosts that were away, or did not keep it, are told again: by their signs of life it is seen which those are. */
export function openPauseTelling(options: TellingOptions): PauseTelling {
  const { ask, seen, wanted, onTrouble, everyMs = 2000, graceMs = 5000 } = options;
  const told = new Map<string, Told>();
  const end = new AbortController();
  let [last, since]: [number | null | undefined, number] = [undefined, 0];
  /** What is to be told; undefined: nothing is known, or it is told by who has set it. */
  const due = (now: number, grace: number) => {
    const { pause, isSaid } = wanted();
    const word = pause?.until ?? null;
    if (word !== last) [last, since] = [word, now];
    return (word === null && !isSaid) || now - since < grace ? undefined : { word, pause };
  };
  const look = (grace: number, among: ReadonlyMap<string, Seen> = seen): void => {
    const now = Date.now();
    const what = due(now, grace);
    if (what === undefined) return;
    const { word, pause } = what;
    const hosts = unaware({ seen: among, told, word, now });
    for (const { key } of hosts) told.set(key, { word, at: now });
    for (const key of told.keys()) if (!seen.has(key)) told.delete(key);
    void tell(
      hosts.map(({ host }) => host),
      pause,
    );
  };
  const tell = async (hosts: readonly string[], pause: FleetPause | undefined): Promise<void> => {
    if (hosts.length === 0) return;
    const asking = pause === undefined ? ask.resume(hosts, end.signal) : ask.pause(hosts, bare(pause), end.signal);
    // The connection is lost: they are told when it is back.
    for (const reply of await asking.catch(() => [])) if ("trouble" in reply) onTrouble(reply.host, reply.trouble);
  };
  const timer = setInterval(() => look(graceMs), everyMs);
  return {
    now: () => look(0),
    saw: (key) => {
      const [one, before] = [seen.get(key), told.get(key)];
      // It is on a new connection, or was started anew. Who waits says so each second.
      if (one === undefined || one.fleetUntil !== undefined) return;
      if (before !== undefined && Date.now() - before.at >= backAfter) told.delete(key);
      look(0, new Map([[key, one]]));
    },
    close: () => {
      clearInterval(timer);
      end.abort();
    },
  };
}

/** Milliseconds in which a host that is back is not told twice. */
const backAfter = 5000;

export const bare = ({ until, reason }: FleetPause) => ({ until, reason });

interface Told {
  readonly word: number | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

interface State {
  readonly seen: ReadonlyMap<string, Pick<Seen, "host" | "at" | "fleetUntil">>;
  readonly told: ReadonlyMap<string, Told>;
  /** The end of the pause that holds, or null. */
  readonly word: number | null;
  readonly now: number;
}

/** Pure: those that are there, have kept another word or none, and were not told this one just now. */
export function unaware({ seen, told, word, now }: State): readonly { readonly key: string; readonly host: string }[] {
  return [...seen].flatMap(([key, { host, at, fleetUntil }]) => {
    const before = told.get(key);
    const isTold = before?.word === word && now - before.at < againAfter;
    return fleetUntil === word || now - at >= thereFor || isTold ? [] : [{ key, host }];
  });
}
