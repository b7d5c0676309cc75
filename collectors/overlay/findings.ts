import type { Examination, Examined } from "../../overlay/examine/examination.ts";
import type { Findings, Found } from "../collector.ts";

/** Everything that was found, whatever networks the user wants metrics of. */
export function findingsOf({ findings, namespaces }: Examination): Findings {
  const blind = namespaces.filter(({ unjudged }) => unjudged.some((one) => one.blind));
  return {
    found: [...findings.map((finding) => ({ finding })), ...namespaces.flatMap(inNamespace)],
    unseen: new Set(blind.map(({ namespace }) => namespace.file)),
  };
}

function inNamespace({ input, namespace, findings }: Examined): readonly Found[] {
  const { network } = input;
  const where = { netns: namespace.file, ...(network === undefined ? {} : { network }) };
  return findings.map((finding) => ({ ...where, finding }));
}
