import { UnexpectedAnswer, flag, id, items, list, members, part, text, wholeNumber, type Field } from "./field.ts";
import type { Attachment, Container } from "./inventory.ts";

/**
 * `GET /containers/ID/json`: the container, or undefined where it does not run (also between two starts, where
 * Docker says it runs but has no process). Throws `UnexpectedAnswer`, which names the field.
 */
export function readContainer(answer: unknown): Container | undefined {
  const whole: Field = { at: "", value: answer };
  const pid = wholeNumber(part(whole, "State", "Pid"));
  if (!flag(part(whole, "State", "Running")) || pid === 0) return undefined;
  const containerId = id(part(whole, "Id"));
  return {
    id: containerId,
    name: text(part(whole, "Name")).replace(/^\//, "") || containerId.slice(0, 12),
    image: text(part(whole, "Config", "Image")),
    pid,
    startedAt: time(part(whole, "State", "StartedAt")),
    networkMode: text(part(whole, "HostConfig", "NetworkMode")),
    ...sandboxOf(text(part(whole, "NetworkSettings", "SandboxKey"))),
    labels: textMap(part(whole, "Config", "Labels")),
    env: unifiedServiceEnv(part(whole, "Config", "Env")),
    attachments: members(part(whole, "NetworkSettings", "Networks")).map(readAttachment),
  };
}

/** Docker calls the file by 12 digits of the sandbox's id; `default` is the host's own. */
function sandboxOf(key: string): Pick<Container, "sandbox"> {
  const [, sandbox] = /\/([0-9a-f]{12})$/u.exec(key) ?? [];
  return sandbox === undefined ? {} : { sandbox };
}

/** `GET /containers/json`: the ids. Names are not read here: the list gives none for a container in removal. */
export function readContainerIds(answer: unknown): readonly string[] {
  return list({ at: "", value: answer }).map((entry) => id(part(entry, "Id")));
}

function readAttachment([name, field]: readonly [string, Field]): Attachment {
  return {
    name,
    networkId: text(part(field, "NetworkID")),
    ipv4: text(part(field, "IPAddress")),
    ipv6: text(part(field, "GlobalIPv6Address")),
    mac: text(part(field, "MacAddress")),
  };
}

function textMap(field: Field): Readonly<Record<string, string>> {
  return Object.fromEntries(members(field).map(([key, value]) => [key, text(value)]));
}

const kept: ReadonlySet<string> = new Set(["DD_ENV", "DD_SERVICE", "DD_VERSION"]);

function unifiedServiceEnv(field: Field): Readonly<Record<string, string>> {
  const pairs = items(field)
    .map(text)
    .filter((line) => line.includes("="))
    .map((line): [string, string] => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]);
  return Object.fromEntries(pairs.filter(([name]) => kept.has(name)));
}

/** RFC 3339 with up to nine digits of a second. */
function time(field: Field): number {
  const at = Date.parse(text(field));
  if (Number.isNaN(at)) throw new UnexpectedAnswer(field, "a time");
  return at;
}
