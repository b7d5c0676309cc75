import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from "yaml";
import { messageOf } from "../../host/thrown.ts";
import type { SourceFile } from "../settings.ts";

/** A YAML file that knows its lines. */
export interface Located {
  readonly value: unknown;
  /** `queue.yaml:12`: the line of what stands there, or of the nearest that does. */
  readonly at: (path: readonly PropertyKey[]) => string;
}

interface Unreadable {
  readonly where: string;
  readonly error: string;
}

/** Reads one file, or says with its line why it is no YAML. */
export function locate({ path, text }: SourceFile): Located | Unreadable {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const at = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const [error] = document.errors;
  if (error !== undefined) return { where: at(error.pos[0]), error: `not YAML: ${error.message}` };
  try {
    return { value: document.toJS(), at: (wanted) => at(offsetOf(document, wanted)) };
  } catch (cause) {
    // Aliases are followed only now: one that is not there, or too many.
    return { where: at(0), error: `not YAML: ${messageOf(cause)}` };
  }
}

/** A key's own place where there is one, else its value's; what is not there is where it should be: in its parent. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const name = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((one) => isPair(one) && isScalar(one.key) && one.key.value === name)
      : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}
