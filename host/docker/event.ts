import { id, part, text, type Field } from "./field.ts";

/** One line of `GET /events` that changes what the inventory holds. */
export interface DockerEvent {
  readonly type: "container" | "network";
  readonly action: string;
  /** Of the container or the network. */
  readonly id: string;
  /** The container that was connected or disconnected; empty otherwise. */
  readonly container: string;
}

/**
 * The path to subscribe by. Only what matters is asked for: health checks alone give three events each, and dockerd
 * drops events for a subscriber 1 024 behind. `since` (milliseconds since the epoch) is needed although a listing
 * follows: dockerd sends its headers before it subscribes (moby `getEvents`), so an event could fall between our
 * listing and its subscription; with `since` it hands out what happened meanwhile, under one lock with subscribing.
 */
export function eventsPath(since: number): string {
  // Filters as a map of maps: that form is read by every engine since API 1.22.
  const filters = JSON.stringify({
    type: marked(["container", "network"]),
    event: marked(Object.values(actions).flat()),
  });
  const query = new URLSearchParams({ since: (since / 1000).toFixed(3), filters });
  return `/events?${query.toString()}`;
}

/** Undefined where it is none of ours. Throws `UnexpectedAnswer` where it is one of ours and unreadable. */
export function readEvent(line: unknown): DockerEvent | undefined {
  const whole: Field = { at: "", value: line };
  const type = text(part(whole, "Type"));
  const action = text(part(whole, "Action"));
  if ((type !== "container" && type !== "network") || !actions[type].includes(action)) return undefined;
  const container = part(whole, "Actor", "Attributes", "container");
  return { type, action, id: id(part(whole, "Actor", "ID")), container: containerId(text(container)) };
}

/** An endpoint without a container of this host (a load balancer's) may be named in the container's place. */
function containerId(named: string): string {
  return /^[0-9a-f]{64}$/.test(named) ? named : "";
}

/** A container that was only created is not in the inventory; `die` covers stop and kill. */
const actions: Readonly<Record<DockerEvent["type"], readonly string[]>> = {
  container: ["start", "die", "destroy", "rename", "update"],
  network: ["connect", "disconnect", "create", "destroy", "remove", "update"],
};

function marked(names: readonly string[]): Readonly<Record<string, true>> {
  return Object.fromEntries(names.map((name) => [name, true]));
}
