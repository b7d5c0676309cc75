import type { Desired, JsonObject } from "../desired.ts";
import type { Api } from "./api.ts";
import type { Ledger } from "./ledger.ts";
import { Refusal } from "./refusal.ts";

/** What the API itself says to a definition; nothing is made by asking. */
export interface Verdict {
  readonly desired: Desired;
  /** `unasked`: the API can only be asked about monitors. */
  readonly verdict: "accepted" | "refused" | "unasked";
  /** The API's own words. */
  readonly texts: readonly string[];
}

/** Throws `Refusal` where nobody can be asked: keys, site, network. */
export async function validateOnline(
  api: Api,
  desired: readonly Desired[],
  ledger: Pick<Ledger, "find">,
): Promise<readonly Verdict[]> {
  return Promise.all(desired.map((one) => judged(api, one, ledger)));
}

async function judged(api: Api, desired: Desired, ledger: Pick<Ledger, "find">): Promise<Verdict> {
  if (desired.kind !== "monitor") return { desired, verdict: "unasked", texts: [] };
  try {
    await ask(api, desired, ledger.find(desired.kind, desired.key)?.id);
    return { desired, verdict: "accepted", texts: [] };
  } catch (error) {
    if (!(error instanceof Refusal) || error.hopeless) throw error;
    return { desired, verdict: "refused", texts: error.texts };
  }
}

/** Against the monitor that is there, the organisation's rules for tags are applied as well. */
async function ask(api: Api, { key, body }: Desired, id: string | undefined): Promise<void> {
  if (id === undefined) return validateMonitor(api, key, body);
  try {
    await validateMonitor(api, key, body, `/${encodeURIComponent(id)}`);
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) throw error;
    await validateMonitor(api, key, body);
  }
}

/** Throws `Refusal` where the API would not make such a monitor. */
export async function validateMonitor(api: Api, key: string, body: JsonObject, of = ""): Promise<void> {
  await api.ask({ method: "POST", path: `/api/v1/monitor${of}/validate`, body, what: `validate the monitor ${key}` });
}
