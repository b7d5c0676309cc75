import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from "yaml";
import type { SourceFile } from "../settings.ts";

/** A YAML file that knows its lines. */
export interface Located {
  readonly value: unknown;
  /** `queue.yaml:12`: the line of what stands there, or of the nearest that does. */
  readonly at: (path: readonly PropertyKey[]) => string;
}

/** Reads one file; the message of what makes it no YAML, with its line. */
export function locate({ path, text }: SourceFile): Located | { readonly where: string; readonly error: string } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined)
    return { where: `${path}:${lines.linePos(error.pos[0]).line}`, error: `not YAML: ${error.message}` };
  return {
    value: document.toJS(),
    at: (wanted) => `${path}:${lines.linePos(offsetOf(document, wanted)).line}`,
  };
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
