import { guardDeletions } from "../../monitors/sync/guards.ts";
import { planPage } from "../../monitors/sync/plan-page.ts";
import { survey } from "../../monitors/sync/survey.ts";
import { connectFor } from "./connection.ts";
import { carryOut, confirmed, locked } from "./perform.ts";
import { mostDeletions, syncExits, type SyncRequest, wantedOf } from "./request.ts";

/** Deletes everything that is ours, and nothing else. */
export async function destroy(request: SyncRequest): Promise<number> {
  const { values, io } = request;
  const most = mostDeletions(request, Number.POSITIVE_INFINITY);
  return locked(await connectFor(request), io, async (connection) => {
    // Nothing is wanted; a webhook is ours where the ledger has it.
    const { plan } = await survey(connection, wantedOf(request, connection, []));
    guardDeletions(plan.changes, most);
    const json = values.json === true;
    if (!json) io.stdout.write(planPage(plan));
    if (plan.changes.length === 0 && !json) return syncExits.inSync;
    await confirmed(io, "destroy", "All of this is going to be deleted.", values.yes === true);
    for (const { kind, key } of plan.lost) await connection.ledger.drop(kind, key);
    return carryOut(connection, plan.org, plan.changes, { io, json });
  });
}
