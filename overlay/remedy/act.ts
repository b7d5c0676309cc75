import { messageOf } from "../../host/thrown.ts";
import type { DiagnoseInput } from "../diagnose/input.ts";
import type { Hands } from "./hands.ts";
import { undoFileOf } from "./note.ts";
import { NotDone, operate, type Results } from "./operate.ts";
import type { Action, Plan } from "./plan.ts";
import type { Probe } from "./probes.ts";
import { takeBack } from "./take-back.ts";
import type { UndoFile } from "./undo-file.ts";
import { type Measured, verify } from "./verify.ts";

export interface Patient {
  /** What the plan was made of. */
  readonly input: DiagnoseInput;
  readonly probes: readonly Probe[];
  /** Name of this host and time of the note, for the undo file. */
  readonly host: string;
  readonly now: number;
  /** What speaks against writing at this very moment; undefined if nothing. */
  readonly objection: () => string | undefined;
  /** What to do in place of pins that this kernel can not keep, by the tables as they are then. */
  readonly withoutPins: (input: DiagnoseInput) => Plan;
}

export interface Treatment {
  /** `refused`: nothing was written. `failed`: it was to be undone, and something is left. */
  readonly outcome: "cured" | "refused" | "undone" | "failed";
  readonly actions: readonly Action[];
  /** What became of each. */
  readonly results: ReadonlyMap<Action, string>;
  readonly losses: readonly Measured[];
  /** Why it was refused or undone, and what else is worth knowing. */
  readonly notes: readonly string[];
  /** The undo file. */
  readonly undo: string | undefined;
}

interface Run {
  readonly hands: Hands;
  readonly patient: Patient;
  readonly results: Results;
  readonly notes: string[];
  actions: readonly Action[];
  note: UndoFile;
  path: string;
  losses: readonly Measured[];
}

/**
 * Carries a plan out: notes what was, acts, looks after every write, proves the cure, and takes everything back where that
 * fails. Throws only what was no matter of these: then nothing was written.
 */
export async function act(plan: Plan, patient: Patient, hands: Hands): Promise<Treatment> {
  const { input, host, now, probes } = patient;
  const before = await probeBefore(probes, hands);
  const note = undoFileOf(plan, input, host, now);
  const results: Results = new Map(plan.actions.map((action) => [action, "not tried"]));
  const run: Run = { hands, patient, results, notes: [], actions: plan.actions, note, path: "", losses: [] };
  const against = patient.objection() ?? (await unkept(run));
  if (against !== undefined) return { ...ended(run, "refused"), notes: [against] };
  try {
    await writeAll(run);
    const done = run.actions.filter((one) => results.get(one) === "done");
    const verified = await verify(done, run.actions, probes, before, hands);
    run.losses = verified.losses;
    if (verified.problem !== undefined) throw new NotDone(verified.problem);
    run.notes.push(...verified.notes);
    return ended(run, "cured");
  } catch (error) {
    return undone(run, error);
  }
}

function ended({ actions, results, losses, notes, path }: Run, outcome: Treatment["outcome"]): Treatment {
  return { outcome, actions, results, losses, notes, undo: path === "" ? undefined : path };
}

async function probeBefore(probes: readonly Probe[], hands: Hands): Promise<readonly (number | Error | undefined)[]> {
  const tried = probes.filter(({ alsoBefore }) => alsoBefore);
  const found = new Map((await hands.probe(tried)).map((loss, at) => [tried[at], loss]));
  return probes.map((probe) => found.get(probe));
}

/** Why the undo file is not on the disk. Without it nothing is done. */
async function unkept(run: Run): Promise<string | undefined> {
  try {
    run.path = await run.hands.keep(run.note);
    return undefined;
  } catch (error) {
    return `nothing was done, for what would undo it could not be written down: ${messageOf(error)}`;
  }
}

async function writeAll(run: Run): Promise<void> {
  const { hands, results } = run;
  const plain = await operate(run.actions, results, hands);
  if (plain === undefined) return;
  await unpin(plain, hands);
  results.set(plain, "taken back: this kernel does not keep the sticky flag");
  run.notes.push(
    "this kernel can not keep pins (sticky): learning was switched off on the vxlan port instead, so that frames for other hosts go to every local container too",
  );
  const other = run.patient.withoutPins(await readAgain(run));
  if (other.actions.length === 0) throw new NotDone("pins are not kept, and nothing else is to be done");
  for (const action of other.actions) results.set(action, "not tried");
  run.actions = [...run.actions, ...other.actions];
  run.note = withMore(run.note, other, run.patient);
  run.path = await hands.keep(run.note);
  const again = await operate(other.actions, results, hands);
  if (again !== undefined) throw new NotDone("pins are not kept");
}

async function unpin({ netns, undo, change }: Action, hands: Hands): Promise<void> {
  const complaint = undo === undefined ? "nothing is known to put back" : await hands.run(netns, undo);
  const { fdb } = await hands.look(netns);
  const isHeld = fdb.some((row) => "mac" in change && row.mac === change.mac && row.state === "static");
  if (isHeld) throw new NotDone(`a pin that is not kept could not be taken back: ${complaint}`);
}

async function readAgain({ patient: { input }, actions, hands }: Run): Promise<DiagnoseInput> {
  const touched = new Set(actions.map(({ netns }) => netns));
  const namespaces = [];
  for (const one of input.namespaces)
    namespaces.push(touched.has(one.file) ? { ...one, tables: await hands.look(one.file) } : one);
  return { ...input, namespaces };
}

/** One file for both: the pins that were not kept, and what was done in their place. */
function withMore(note: UndoFile, plan: Plan, { input, host, now }: Patient): UndoFile {
  const more = undoFileOf(plan, input, host, now);
  const namespaces = note.namespaces.map((one) => {
    const entries = more.namespaces.find(({ file }) => file === one.file)?.entries ?? [];
    return { ...one, entries: [...one.entries, ...entries] };
  });
  return { ...note, strategy: more.strategy, namespaces };
}

/** Exactly what was before, the fault too: what did not help must not stay. */
async function undone(run: Run, cause: unknown): Promise<Treatment> {
  run.notes.push(messageOf(cause));
  const { version } = run.patient.input.engine;
  try {
    const back = await takeBack(run.note, { restoreFault: true, engine: version }, run.hands);
    run.notes.push(...back.kept.map(({ sentence }) => sentence), ...back.complaints);
    for (const [action, result] of run.results)
      if (result === "done" || result === "begun") run.results.set(action, back.done ? "undone" : "not undone");
    return ended(run, back.done ? "undone" : "failed");
  } catch (error) {
    run.notes.push(`it could not be undone: ${messageOf(error)}`);
    return ended(run, "failed");
  }
}
