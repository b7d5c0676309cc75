import { resolve } from "node:path";
import { guardAllGone, guardDeletions, guardNothingDefined } from "../../monitors/sync/guards.ts";
import { areDifferent, askOrg, guardOrg } from "../../monitors/sync/org.ts";
import type { Plan } from "../../monitors/sync/plan.ts";
import { loadPlan, type SavedPlan } from "../../monitors/sync/plan-file.ts";
import { planPage } from "../../monitors/sync/plan-page.ts";
import { survey } from "../../monitors/sync/survey.ts";
import { UsageError } from "../exit-codes.ts";
import { type Connection, connectFor } from "./connection.ts";
import { carryOut, confirmed, locked } from "./perform.ts";
import { mostDeletions, syncExits, type SyncRequest, wantedOf } from "./request.ts";

/** So many are deleted without a word more. */
const usualDeletions = 10;

/** Makes the organisation as it is defined; with a saved plan, does just that. */
export async function apply(request: SyncRequest): Promise<number> {
  const [file] = request.operands;
  const most = mostDeletions(request, usualDeletions);
  return locked(await connectFor(request), request.io, (connection) =>
    file === undefined
      ? applyNow(request, connection, most)
      : applySaved(request, connection, resolve(request.io.cwd, file), most),
  );
}

async function applyNow(request: SyncRequest, connection: Connection, most: number): Promise<number> {
  const { values, io } = request;
  const desired = request.desired();
  const { plan, actual } = await survey(connection, wantedOf(request, connection, desired));
  guardAllGone(connection.ledger, actual, values.recreate === true);
  guardNothingDefined(desired.length, plan.changes);
  guardDeletions(plan.changes, most);
  const json = values.json === true;
  if (!json) io.stdout.write(planPage(plan));
  if (plan.conflicts.length > 0) throw new Error(`${plan.conflicts.join("; ")}: nothing was done`);
  await remember(connection, plan);
  if (plan.changes.length === 0 && !json) return syncExits.inSync;
  if (plan.changes.length > 0) await confirmed(io, "apply", "This is going to be done.", values.yes === true);
  return carryOut(connection, plan.org, plan.changes, { io, json });
}

/** What is neither defined nor there any more is no longer asked for, and what is as it is defined is ours from now on. */
async function remember({ ledger }: Connection, { org, lost, unrecorded }: Plan): Promise<void> {
  if (unrecorded.length > 0 && ledger.org() === "") await ledger.bind(org);
  for (const { kind, key } of lost) await ledger.drop(kind, key);
  for (const one of unrecorded) await ledger.put(one);
}

async function applySaved(request: SyncRequest, connection: Connection, path: string, most: number): Promise<number> {
  const { values, io } = request;
  if (values.recreate === true) throw new UsageError("--recreate: a saved plan is done as it is");
  const saved = await loadPlan(path);
  guardDeletions(saved.changes, most);
  const org = await guardSaved(request, connection, saved, path);
  await refuseMade(request, connection, saved);
  if (saved.changes.length > 0) await confirmed(io, "apply", "The plan is going to be done.", values.yes === true);
  return carryOut(connection, org, saved.changes, { io, json: values.json === true });
}

/** Throws an Error where the plan is of another organisation or address. */
async function guardSaved(request: SyncRequest, connection: Connection, saved: SavedPlan, path: string) {
  if (saved.api !== connection.url)
    throw new Error(`${path} is a plan for ${saved.api}, and this is ${connection.url}: nothing was done`);
  const asked = await askOrg(connection.api);
  const { org: expected } = wantedOf(request, connection, []);
  const org = asked ?? saved.org;
  guardOrg(org, connection.ledger, expected);
  if (asked !== undefined && areDifferent(saved.org, asked))
    throw new Error(
      `${path} is a plan for the organisation ${saved.org}, and the keys are of ${asked}: nothing was done; plan again with these keys, or use the others`,
    );
  return org;
}

/** Throws an Error where something that the plan creates has been made since. */
async function refuseMade(request: SyncRequest, connection: Connection, saved: SavedPlan): Promise<void> {
  const created = saved.changes.filter(({ action }) => action === "create");
  if (created.length === 0) return;
  const desired = created.flatMap(({ kind, key, body }) =>
    body === undefined ? [] : [{ kind, key, body, origin: "the plan" }],
  );
  const { plan } = await survey(connection, wantedOf(request, connection, desired));
  const planned = new Set(
    plan.changes.filter(({ action }) => action === "create").map(({ kind, key }) => `${kind} ${key}`),
  );
  const made = created.map(({ kind, key }) => `${kind} ${key}`).filter((name) => !planned.has(name));
  if (made.length > 0)
    throw new Error(`${made.join(", ")}: made since the plan was made: nothing was done; plan again`);
}
