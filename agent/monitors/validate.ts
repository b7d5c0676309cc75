import { problemText } from "../../monitors/problem.ts";
import { levels } from "../../monitors/settings.ts";
import { readQuery } from "../../monitors/query.ts";
import type { Config } from "../config/schema.ts";
import { exitCodes } from "../exit-codes.ts";
import { definitionsOf } from "./definitions.ts";

type Definitions = ReturnType<typeof definitionsOf> & { readonly profile: Config["tags"]["profile"] };

/** What `monitors validate` says without the network: exit code, and what is told to people and to machines. */
export function validateOffline(config: Config) {
  const found = { ...definitionsOf(config), profile: config.tags.profile };
  return {
    code: found.problems.length === 0 ? exitCodes.ok : exitCodes.failed,
    objects: found.objects,
    text: peopleText(found),
    json: jsonOf(found),
  };
}

function jsonOf(found: Definitions) {
  const { objects, problems } = found;
  const named = objects.map(({ kind, key, origin }) => ({ kind, key, origin }));
  return { objects: named, problems, notes: notes(found) };
}

function peopleText(found: Definitions): string {
  const { problems, objects, files } = found;
  const count = (kind: string) => objects.filter((one) => one.kind === kind).length;
  const what = `${plural(count("monitor"), "monitor")}, ${plural(count("webhook"), "webhook")}, ${plural(count("dashboard"), "dashboard")}`;
  const from = files.length === 0 ? "" : `; of your own: ${plural(files.length, "file")}`;
  const verdict =
    problems.length === 0 ? `Valid: ${what}${from}.` : `${plural(problems.length, "problem")} in ${what}${from}.`;
  return [...problems.map(problemText), verdict, ...notes(found)].map((line) => `${line}\n`).join("");
}

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;

/** What is no fault, but may not be what was wanted. */
function notes({ settings, objects, profile }: Definitions): readonly string[] {
  const silent = levels.filter((level) => settings.notify[level].length === 0);
  return [
    ...(silent.length === 0
      ? []
      : [`Nobody is told of ${silent.join(", ")}: datadog.monitors.notify has no handle for it.`]),
    ...(profile === "container" || byContainer(objects).length === 0
      ? []
      : [
          `With tags.profile ${profile} most series have no container_name: nothing is judged by ${byContainer(objects).join(", ")}.`,
        ]),
    ...(settings.webhookUrl === undefined ? ["There is no webhook: datadog.webhook_url is not set."] : []),
  ];
}

/** Keys of the monitors that are grouped by container. */
const byContainer = (objects: Definitions["objects"]): readonly string[] =>
  objects
    .filter(
      ({ body: { query } }) => typeof query === "string" && readQuery(query).groupBy?.has("container_name") === true,
    )
    .map(({ key }) => key);
