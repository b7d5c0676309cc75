import { resolve } from "node:path";
import { guardAllGone } from "../../monitors/sync/guards.ts";
import { planMarkdown } from "../../monitors/sync/markdown.ts";
import type { Plan } from "../../monitors/sync/plan.ts";
import { savePlan } from "../../monitors/sync/plan-file.ts";
import { planPage } from "../../monitors/sync/plan-page.ts";
import { survey } from "../../monitors/sync/survey.ts";
import type { Io } from "../command.ts";
import { connectFor } from "./connection.ts";
import { printJson, syncExits, type SyncRequest, wantedOf } from "./request.ts";

/** What `apply` would do; nothing is done. */
export async function plan(request: SyncRequest): Promise<number> {
  const { values, io } = request;
  const desired = request.desired();
  const connection = await connectFor(request);
  const { plan: made, actual } = await survey(connection, wantedOf(request, connection, desired));
  guardAllGone(connection.ledger, actual, values.recreate === true);
  if (values.json === true) printJson(io, made);
  else io.stdout.write(values.markdown === true ? planMarkdown(made) : planPage(made));
  if (values.out !== undefined) await keep(made, values.out, io, connection.api.now());
  return exitOf(made);
}

async function keep(made: Plan, out: string, { cwd, stderr }: Io, now: Date): Promise<void> {
  if (made.conflicts.length > 0) {
    stderr.write("overlaywatch: the plan was not saved: its conflicts come first\n");
    return;
  }
  const path = resolve(cwd, out);
  await savePlan(path, made, now);
  stderr.write(`overlaywatch: the plan is in ${path}; to do just that: overlaywatch monitors apply ${out}\n`);
}

function exitOf({ changes, conflicts }: Plan): number {
  if (conflicts.length > 0) return syncExits.failed;
  return changes.length > 0 ? syncExits.changes : syncExits.inSync;
}
