import type { JsonObject, ObjectKind } from "../desired.ts";
import { textAt, textsAt } from "./json.ts";

/** On every monitor of ours, beside the one with its key. */
export const managedTag = "managed-by:overlaywatch";
const keyTag = "overlaywatch-key:";
/** The API lets a dashboard have no tags but `team:`, so its mark is the last line of its description. */
const markLine = /(?:^|\n)Managed by overlaywatch: (\S+)\s*$/u;

/** The key that an object carries by which it is ours; undefined where it is not. A webhook can carry none. */
export function markOf(kind: ObjectKind, body: JsonObject): string | undefined {
  if (kind === "dashboard") return markLine.exec(textAt(body, "description") ?? "")?.[1];
  if (kind === "webhook") return undefined;
  const tags = textsAt(body, "tags");
  if (!tags.includes(managedTag)) return undefined;
  return tags.find((tag) => tag.startsWith(keyTag))?.slice(keyTag.length);
}
