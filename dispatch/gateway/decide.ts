import { type Alert, hostName } from "../job.ts";
import type { Ending } from "./endings.ts";
import type { Message } from "./message.ts";

/** Whom the gateway lets ask, and for which hosts. */
export interface Policy {
  /** Ids, or the word `any`. */
  readonly monitors: readonly string[];
  readonly orgs: readonly string[];
  /** In lower case; or whoever the broker knows. */
  readonly hosts: ReadonlySet<string> | "enrolled";
  /** Milliseconds that a message may be old. */
  readonly maxAge: number;
}

/** What a message asks for; or why it asks for nothing. Transitions of a withdrawal are no alert's. */
export type Decision =
  | { readonly end: Ending }
  | { readonly ask: "offer"; readonly host: string; readonly alert: Alert }
  | { readonly ask: "withdraw"; readonly host: string; readonly monitor: string; readonly cycle: string };

const ahead = 2 * 60_000;

/** `now`: milliseconds since the epoch. Nothing is guessed: who is meant is said in full, or nobody is. */
export function decide(message: Message, policy: Policy, now: number): Decision {
  const end =
    misfilled(message) ??
    notAllowed(message, policy) ??
    notActed(message.transition) ??
    untimely(message.date, policy, now);
  if (end !== undefined) return { end };
  const host = hostOf(message);
  if ("end" in host) return host;
  if (policy.hosts !== "enrolled" && !policy.hosts.has(host.name)) return { end: "unknown_host" };
  return askFor(message, host.name);
}

/** A whole field: within a title such a thing may be the user's own text. */
const variable = /^\$[A-Z][A-Z0-9_]*(?:\[[^\]]*\])?$/u;
/** Links and tags may be empty. */
const needed = ["monitor_id", "cycle", "transition", "event", "host", "scope", "date", "org"] as const;
const numbers = ["monitor_id", "event", "org"] as const;

function misfilled(message: Message): Ending | undefined {
  if (message.version !== "1") return "body";
  if (Object.values(message).some((value) => variable.test(value))) return "unexpanded";
  if (needed.some((key) => message[key].trim() === "")) return "incomplete";
  const isOdd = numbers.some((key) => !/^\d{1,32}$/u.test(message[key])) || message.cycle.length > 256;
  return isOdd || !/^\d{1,15}$/u.test(message.date) ? "field" : undefined;
}

function notAllowed({ monitor_id: monitor, org }: Message, { monitors, orgs }: Policy): Ending | undefined {
  if (!monitors.includes("any") && !monitors.includes(monitor)) return "monitor";
  return orgs.includes("any") || orgs.includes(org) ? undefined : "org";
}

function notActed(transition: string): Ending | undefined {
  if (["Triggered", "Re-Triggered", "Recovered"].includes(transition)) return undefined;
  return /^(?:(?:Re-)?(?:No Data|Warn)|Renotify)$/u.test(transition) ? "ignored" : "transition";
}

function untimely(date: string, { maxAge }: Policy, now: number): Ending | undefined {
  const at = Number(date);
  return at < now - maxAge || at > now + ahead ? "stale" : undefined;
}

/** One that host, scope and tags agree on: a notification for several hosts at once names the first, or none. */
function hostOf({ host, scope, tags }: Message): { readonly name: string } | { readonly end: Ending } {
  const scoped = hostsIn(scope);
  if (scoped.length !== 1 || host.includes(",")) return { end: "merged" };
  const name = hostName.safeParse(host.toLowerCase());
  if (!name.success) return { end: "host_name" };
  return [...scoped, ...hostsIn(tags)].every((one) => one === name.data) ? { name: name.data } : { end: "disagree" };
}

/** Of `host:a,docker_network:b`. */
const hostsIn = (tags: string): readonly string[] =>
  tags
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag.startsWith("host:"))
    .map((tag) => tag.slice("host:".length).toLowerCase());

function askFor(
  { monitor_id: monitor, cycle, transition, event, org, scope, title, link }: Message,
  host: string,
): Decision {
  if (transition !== "Triggered" && transition !== "Re-Triggered") return { ask: "withdraw", host, monitor, cycle };
  const alert = {
    monitor,
    cycle,
    event,
    org,
    transition,
    scope: cut(scope),
    title: cut(title),
    link: cut(link),
  } as const;
  return { ask: "offer", host, alert };
}

/** For people only; a job has no room for more. Never half a character. */
const cut = (text: string): string => text.slice(0, 1024).replace(/\p{Surrogate}$/u, "");
