import type { DiagnoseInput } from "../diagnose/input.ts";
import type { Action, Plan } from "./plan.ts";
import type { UndoFile, UndoNamespace } from "./undo-file.ts";

/** What is to be on the disk before the first write: all that a plan sets out to change, with what was before. */
export function undoFileOf(plan: Plan, input: DiagnoseInput, host: string, now: number): UndoFile {
  const files = [...new Set(plan.actions.map(({ netns }) => netns))];
  const { strategy } = plan;
  const namespaces = files.map((file) => namespaceOf(file, plan, input));
  return { version: 1, createdAt: now, host, strategy, ownVteps: input.ownVteps, namespaces };
}

function namespaceOf(file: string, { actions }: Plan, { namespaces }: DiagnoseInput): UndoNamespace {
  const here = namespaces.find((namespace) => namespace.file === file);
  return {
    file,
    key: here?.key ?? "",
    network: here?.network?.id ?? "",
    entries: actions.filter(({ netns }) => netns === file).map(entryOf),
  };
}

function entryOf({ container, mac, change, undoChange }: Action) {
  return { container, mac, change, before: undoChange ?? null };
}
