import { type JsonObject, textAt, textsAt, wordAt } from "./json.ts";
import type { Organisation } from "./organisation.ts";
import type { World } from "./world.ts";

/** How a monitor changes its state, in the words of `$ALERT_TRANSITION` (4.5), with its state after it and its blocks. */
const transitions = {
  Triggered: { state: "Alert", type: "error", blocks: ["alert"] },
  "Re-Triggered": { state: "Alert", type: "error", blocks: ["alert", "renotify"] },
  Warn: { state: "Warn", type: "warning", blocks: ["warning"] },
  "Re-Warn": { state: "Warn", type: "warning", blocks: ["warning", "renotify"] },
  "No Data": { state: "No Data", type: "error", blocks: ["no_data"] },
  "Re-No Data": { state: "No Data", type: "error", blocks: ["no_data", "renotify"] },
  Recovered: { state: "OK", type: "success", blocks: ["recovery", "alert_recovery"] },
} as const;

export type Transition = keyof typeof transitions;
export const isTransition = (text: string): text is Transition => Object.hasOwn(transitions, text);

export interface Trigger {
  readonly host: string;
  readonly transition: Transition;
  /** Like `host:a,docker_network:b`; the host alone where it is not given. */
  readonly scope?: string;
  /** The same for all transitions of one alert; of monitor and scope where it is not given. */
  readonly cycle?: string;
  /** What `{{name}}` stands for in the message: `value`, `host.name`. Others stay as they are. */
  readonly values?: Readonly<Record<string, string>>;
}

/** Changes the monitor's state and makes its event; who calls it sends the event's webhooks. */
export function triggered(monitor: JsonObject, org: Organisation, world: World, trigger: Trigger): JsonObject {
  const { state, type } = transitions[trigger.transition];
  const stamp = world.stamp();
  org.kept.monitors.set(Number(monitor["id"]), { ...monitor, overall_state: state, overall_state_modified: stamp });
  const event = eventOf(monitor, org, world, trigger, type);
  org.kept.events.set(textAt(event, "id_str"), event);
  return event;
}

function eventOf(
  monitor: JsonObject,
  org: Organisation,
  world: World,
  { host, transition, scope = `host:${host}`, cycle, values = {} }: Trigger,
  type: string,
): JsonObject {
  const id = world.nextId("event");
  const title = `[${transition} on {${scope}}] ${textAt(monitor, "name")}`;
  const link = `${world.appUrl}/monitors/${wordAt(monitor, "id")}`;
  const tags = [...textsAt(monitor, "tags"), "monitor", ...(scope === "*" ? [] : scope.split(","))];
  const { priority } = monitor;
  return {
    id,
    id_str: String(id),
    host,
    title,
    tags,
    alert_type: type,
    priority: "normal",
    url: link,
    text: filled(shown(textAt(monitor, "message"), transitions[transition].blocks), values),
    date_happened: Math.floor(world.clock.now() / 1000),
    alert: {
      ALERT_ID: wordAt(monitor, "id"),
      ALERT_CYCLE_KEY: cycle ?? `${wordAt(monitor, "id")}-${scope}`,
      ALERT_TRANSITION: transition,
      ALERT_TYPE: type,
      ALERT_TITLE: title,
      ALERT_STATUS: title,
      ALERT_SCOPE: scope,
      ALERT_QUERY: textAt(monitor, "query"),
      ALERT_PRIORITY: typeof priority === "number" ? `P${priority}` : "",
      HOSTNAME: host,
      LINK: link,
      EVENT_TYPE: "query_alert_monitor",
      ORG_ID: String(org.id),
    },
  };
}

/** The message as that transition shows it: `{{#is_alert}}...{{/is_alert}}` only in an alert, `{{^is_alert}}` only elsewhere. */
function shown(message: string, blocks: readonly string[]): string {
  return message.replaceAll(
    /\{\{([#^])is_(\w+)\}\}([\s\S]*?)\{\{\/is_\2\}\}/gu,
    (_, sign: string, name: string, inner: string) => (blocks.includes(name) === (sign === "#") ? inner : ""),
  );
}

const filled = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\{\{([\w.-]+)\}\}/gu, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  );
