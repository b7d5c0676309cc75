import { resolve } from "node:path";
import { guardAllGone } from "../../monitors/sync/guards.ts";
import { planMarkdown } from "../../monitors/sync/markdown.ts";
import type { Plan } from "../../monitors/sync/plan.ts";
import { savePlan } from "../../monitors/sync/plan-file.ts";
import { planPage } from "../../monitors/sync/plan-page.ts";
import { survey } from "../../monitors/sync/survey.ts";
import { connectFor } from "./connection.ts";
import { printJson, syncExits, type SyncRequest, wantedOf } from "./request.ts";

/** What `apply` would do; nothing is done. */
export async function plan(request: SyncRequest): Promise<number> {
  const { values, io } = request;
  const connection = await connectFor(request);
  const { plan: made, actual } = await survey(connection, wantedOf(request, connection));
  guardAllGone(connection.ledger, actual, values.recreate === true);
  if (values.json === true) printJson(io, made);
  else io.stdout.write(values.markdown === true ? planMarkdown(made) : planPage(made));
  if (values.out !== undefined) {
    const path = resolve(io.cwd, values.out);
    await savePlan(path, made, connection.api.now());
    io.stderr.write(
      `overlaywatch: the plan is in ${path}; to do just that: overlaywatch monitors apply ${values.out}\n`,
    );
  }
  return exitOf(made);
}

function exitOf({ changes, conflicts }: Plan): number {
  if (conflicts.length > 0) return syncExits.failed;
  return changes.length > 0 ? syncExits.changes : syncExits.inSync;
}
