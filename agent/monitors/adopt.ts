import { adoptEqual, adoptionOf, idIn, wantedBy } from "../../monitors/sync/adopt.ts";
import { askOrg, guardOrg } from "../../monitors/sync/org.ts";
import { planPage } from "../../monitors/sync/plan-page.ts";
import { UsageError } from "../exit-codes.ts";
import { connectFor } from "./connection.ts";
import { carryOut, confirmed, locked } from "./perform.ts";
import { printJson, syncExits, type SyncRequest, wantedOf } from "./request.ts";

/** Takes over an object that somebody made: it becomes what is defined, and keeps its id and its history. */
export async function adopt(request: SyncRequest): Promise<number> {
  const { operands, desired, values, io } = request;
  const [name, where] = operands;
  if (name === undefined || where === undefined) throw new UsageError("monitors adopt: expected KEY and ID");
  const want = wantedBy(name, desired());
  const id = idIn(where);
  const json = values.json === true;
  return locked(await connectFor(request), io, async (connection) => {
    const org = (await askOrg(connection.api)) ?? "";
    guardOrg(org, connection.ledger, wantedOf(request, connection, [want]).org);
    const change = await adoptionOf(connection, want, id);
    if (change === undefined) {
      await adoptEqual(connection, want, id);
      if (json) printJson(io, { steps: [] });
      else io.stdout.write(`${want.kind} ${want.key}: it is ${id}, and as it is defined: nothing was changed.\n`);
      return syncExits.inSync;
    }
    if (!json)
      io.stdout.write(
        planPage({
          api: connection.url,
          org,
          changes: [change],
          inSync: 0,
          unrecorded: [],
          conflicts: [],
          warnings: [],
          lost: [],
        }),
      );
    await confirmed(io, "adopt", `The ${want.kind} ${id} is going to be changed so.`, values.yes === true);
    return carryOut(connection, org, [change], { io, json });
  });
}
