import type { Tags } from "../emit/sample.ts";
import type { Container } from "../host/docker/inventory.ts";

export interface TagOptions {
  /** Adds `container_id`: a new series for every re-creation. */
  readonly containerId: boolean;
  /** Tag key by label name: the user's own. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Unified service tagging: the agent's tagger would send both, label and variable; here the label wins. */
const unified = [
  ["env", "com.datadoghq.tags.env", "DD_ENV"],
  ["service", "com.datadoghq.tags.service", "DD_SERVICE"],
  ["version", "com.datadoghq.tags.version", "DD_VERSION"],
] as const;

const fromLabels = [
  ["swarm_service", "com.docker.swarm.service.name"],
  ["swarm_namespace", "com.docker.stack.namespace"],
  ["compose_project", "com.docker.compose.project"],
  ["compose_service", "com.docker.compose.service"],
] as const;

const imageKeys = ["image_name", "short_image", "image_tag", "docker_image"] as const;

/** Every key that `containerTags` may write, but for the user's own labels. */
export const containerTagKeys: readonly string[] = [
  "container_name",
  "container_id",
  ...imageKeys,
  ...fromLabels.map(([key]) => key),
  ...unified.map(([key]) => key),
];

/** A container's tags under the names that the Datadog agent's tagger gives them. */
export function containerTags(container: Container, options: TagOptions): Tags {
  const { labels } = container;
  const tags: Record<string, string> = { container_name: stableName(container), ...imageTags(container.image) };
  const set = (key: string, value: string | undefined) => {
    if (value !== undefined && value !== "") tags[key] = value;
  };
  for (const [key, label] of fromLabels) set(key, labels[label]);
  for (const [key, label, variable] of unified) {
    set(key, container.env[variable]);
    set(key, labels[label]);
  }
  for (const [label, key] of Object.entries(options.labels)) if (Object.hasOwn(labels, label)) set(key, labels[label]);
  if (options.containerId) set("container_id", container.id);
  return tags;
}

/** `shop_web.2.<task id>` is `shop_web.2`: a task id is new at each deployment, and each would be a new billed series. */
function stableName({ name, labels }: Container): string {
  const task = labels["com.docker.swarm.task.id"];
  return task !== undefined && task !== "" && name.endsWith(`.${task}`) ? name.slice(0, -task.length - 1) : name;
}

/** `registry:5000/team/web:1.2@sha256:...`: the tag is what follows the last colon behind the last slash. */
function imageTags(image: string): Partial<Record<(typeof imageKeys)[number], string>> {
  const [reference = ""] = image.split("@");
  if (reference === "" || reference === "sha256" || /^(?:sha256:)?[\da-f]{12,64}$/u.test(reference)) return {};
  const slash = reference.lastIndexOf("/");
  const colon = reference.indexOf(":", slash + 1);
  const name = colon === -1 ? reference : reference.slice(0, colon);
  const known = { image_name: name, short_image: name.slice(slash + 1) };
  // A digest alone names no tag; a bare name is its `latest`, which the agent's tagger finds by asking Docker.
  if (colon === -1 && image.includes("@")) return { ...known, docker_image: name };
  const tag = colon === -1 ? "latest" : reference.slice(colon + 1);
  return { ...known, image_tag: tag, docker_image: `${name}:${tag}` };
}
