import type { Member, Registry } from "./registry.ts";
import { advisory, fleetStream, hostApi, hostKeyOf, stream, subjects } from "./subjects.ts";

/** Where answers to a client arrive. */
export const inboxOf = (who: string): string => `_INBOX_${who}`;

/**
 * The accounts of a fleet, to be included in a nats-server's configuration; nothing in it is secret.
 *
 * Each host has an account of its own, not only a user: what a client may publish says nothing of where the server sends
 * its answers. In one account with others, a host could ask for its own job with the reply subject `overlay.job.OTHER`, or
 * `$JS.API.CONSUMER.DELETE...`, and the server would publish there in its place (nats-server#8274). The account's own
 * subjects end at its border, but for the imports.
 */
export function serverConfig(registry: Registry): string {
  const taken = new Map(registry.hosts.map((member) => [member.slot, member]));
  const slots = Array.from({ length: registry.slots }, (_, slot) => hostAccount(slot, taken.get(slot)));
  return `# Written by \`overlaywatch fleet\`: changes are lost. To be included in nats-server's configuration.
accounts {
  FLEET {
    jetstream: enabled
    users: [
      ${user(registry.admin, adminPermissions)}
      ${user(registry.gateway, gatewayPermissions)}
    ]
    exports: [
      {service: "$JS.API.CONSUMER.INFO.${stream}.*"}
      {service: "$JS.API.CONSUMER.MSG.NEXT.${stream}.*", response_type: stream}
      {service: "$JS.ACK.${stream}.*.>"}
      {service: "${subjects.presence("*")}"}
      {service: "${subjects.told("*")}"}
      {service: "${subjects.answer("*")}"}
      {stream: "${subjects.ask("*")}"}
    ]
  }
${slots.join("\n")}
}
`;
}

interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

const adminPermissions: Permissions = { publish: ["$JS.API.>"], subscribe: [`${inboxOf("admin")}.>`] };

const gatewayPermissions: Permissions = {
  publish: [
    subjects.job("*"),
    subjects.ask("*"),
    `$JS.API.CONSUMER.INFO.${stream}.*`,
    // Who is in the fleet.
    `$JS.API.CONSUMER.LIST.${stream}`,
    // What it has put there itself: the trace of a duplicate, what a dead letter was, what nobody takes.
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    // Whether the fleet is paused.
    subjects.fleetPause,
    `$JS.API.STREAM.MSG.GET.${fleetStream}`,
  ],
  subscribe: [
    `${inboxOf("gateway")}.>`,
    subjects.presence("*"),
    subjects.told("*"),
    subjects.answer("*"),
    subjects.fleetPause,
    `${advisory}.MAX_DELIVERIES.${stream}.*`,
    `${advisory}.MSG_TERMINATED.${stream}.*`,
  ],
};

function hostAccount(slot: number, member: Member | undefined): string {
  const name = `HOST${slot}`;
  if (member === undefined) return `  ${name} { users: [] }`;
  const key = hostKeyOf(member.host);
  const keys = [member.public, ...(member.before === undefined ? [] : [member.before])];
  const [info, next] = [`CONSUMER.INFO.${stream}.${key}`, `CONSUMER.MSG.NEXT.${stream}.${key}`];
  const own = [subjects.presence(key), subjects.told(key), subjects.answer(key), `$JS.ACK.${stream}.${key}.>`];
  const permissions = {
    publish: [`${hostApi}.${info}`, `${hostApi}.${next}`, ...own],
    subscribe: [`${inboxOf(key)}.>`, subjects.ask(key)],
  };
  return `  # ${member.host}
  ${name} {
    users: [
      ${keys.map((one) => user(one, permissions)).join("\n      ")}
    ]
    imports: [
      {service: {account: FLEET, subject: "$JS.API.${info}"}, to: "${hostApi}.${info}"}
      {service: {account: FLEET, subject: "$JS.API.${next}"}, to: "${hostApi}.${next}"}
      ${own.map((subject) => `{service: {account: FLEET, subject: "${subject}"}}`).join("\n      ")}
      {stream: {account: FLEET, subject: "${subjects.ask(key)}"}}
    ]
  }`;
}

const list = (items: readonly string[]): string => `[${items.map((item) => `"${item}"`).join(", ")}]`;

const user = (key: string, { publish, subscribe }: Permissions): string =>
  `{nkey: ${key}, permissions: {publish: ${list(publish)}, subscribe: ${list(subscribe)}}}`;
