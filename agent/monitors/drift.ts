import { authorOf } from "../../monitors/sync/author.ts";
import { driftOf } from "../../monitors/sync/drift.ts";
import { driftPage } from "../../monitors/sync/plan-page.ts";
import { survey } from "../../monitors/sync/survey.ts";
import { connectFor } from "./connection.ts";
import { printJson, syncExits, type SyncRequest, wantedOf } from "./request.ts";

/** What was changed in Datadog since it was applied, by whom, and when; nothing is done. */
export async function drift(request: SyncRequest): Promise<number> {
  const { values, io } = request;
  const desired = request.desired();
  const connection = await connectFor(request);
  const { api, ledger } = connection;
  const { plan, actual } = await survey(connection, wantedOf(request, connection, desired));
  const drifts = await Promise.all(
    driftOf(plan, desired, ledger).map(async (one) => {
      const { kind, key, id = ledger.find(kind, key)?.id } = one.change;
      const body = actual.find((it) => it.kind === kind && it.id === id)?.body;
      return { ...one, author: await authorOf(api, kind, id, body) };
    }),
  );
  if (values.json === true) {
    const { api: url, org, conflicts, warnings } = plan;
    printJson(io, { api: url, org, drift: drifts, conflicts, warnings });
  } else io.stdout.write(driftPage(plan, drifts));
  if (plan.conflicts.length > 0) throw new Error(plan.conflicts.join("; "));
  return drifts.length > 0 ? syncExits.changes : syncExits.inSync;
}
