import type { JsonObject, ObjectKind } from "../desired.ts";
import type { Api } from "./api.ts";
import { isList, isObject, member } from "./json.ts";
import type { Ledger, LedgerRecord } from "./ledger.ts";
import { managedTag, markOf } from "./mark.ts";
import { idOf, pathOf } from "./resources.ts";

/** One object as it is in the organisation. */
export interface Actual {
  readonly kind: ObjectKind;
  readonly id: string;
  /** The mark that it carries now. */
  readonly mark?: string;
  /** The key under which the ledger has it. */
  readonly known?: string;
  /** As the API answers it. */
  readonly body: JsonObject;
}

/**
 * Everything that is ours: what carries our mark, and what the ledger knows. Lists may lag and may leave out: they give ids,
 * and each object is read by its own. Throws `Refusal`.
 */
export async function readActual(api: Api, webhooks: readonly string[], ledger: Ledger): Promise<readonly Actual[]> {
  const found = await Promise.all([
    readWebhooks(api, webhooks, ledger),
    readMarked(api, "monitor", ledger),
    readMarked(api, "dashboard", ledger),
  ]);
  return found.flat();
}

async function readMarked(api: Api, kind: "monitor" | "dashboard", ledger: Ledger): Promise<readonly Actual[]> {
  const records = ledger.records().filter((one) => one.kind === kind);
  const listed = await listSettled(api, kind, records);
  const ids = new Set([...listed.map(({ id }) => id), ...records.flatMap(({ id }) => id ?? [])]);
  return readEach(api, kind, [...ids], records);
}

/** A webhook is found by its name alone: the API has no list of them. */
function readWebhooks(api: Api, names: readonly string[], ledger: Ledger): Promise<readonly Actual[]> {
  const records = ledger.records().filter((one) => one.kind === "webhook");
  const all = new Set([...names, ...records.map(({ id, key }) => id ?? key)]);
  return readEach(api, "webhook", [...all], records);
}

async function readEach(
  api: Api,
  kind: ObjectKind,
  ids: readonly string[],
  records: readonly LedgerRecord[],
): Promise<readonly Actual[]> {
  const found = await Promise.all(
    ids.map(async (id) => {
      const record = records.find((one) => (one.id ?? (kind === "webhook" ? one.key : undefined)) === id);
      const one = await readSettled(api, kind, id, settledAt(api, record));
      return one === undefined || record === undefined ? one : { ...one, known: record.key };
    }),
  );
  return found.filter((one) => one !== undefined);
}

/** An object that was made a moment ago may not be there yet for a reader. */
async function readSettled(api: Api, kind: ObjectKind, id: string, until: number): Promise<Actual | undefined> {
  for (;;) {
    const found = await readOne(api, kind, id);
    if (found !== undefined || !(until > api.now().getTime())) return found;
    await waitToSettle(api);
  }
}

/** NaN where nothing was asked for. */
const settledAt = ({ patience }: Api, record: LedgerRecord | undefined): number =>
  Date.parse(record?.asked ?? "") + patience.settle;

export const waitToSettle = ({ wait, patience }: Api): Promise<void> => wait(Math.min(1000, patience.settle / 4));

/** Undefined where there is none of that id. Throws `Refusal`. */
export async function readOne(api: Api, kind: ObjectKind, id: string): Promise<Actual | undefined> {
  const body = await api.find(pathOf(kind, id), `read the ${kind} ${id}`);
  if (body === undefined) return undefined;
  const mark = markOf(kind, body);
  return { kind, id, body, ...(mark === undefined ? {} : { mark }) };
}

interface Listed {
  readonly id: string;
  readonly mark: string;
}

/** A creation that was cut off a moment ago may be there and not show yet: it is waited for until lists have settled. */
async function listSettled(api: Api, kind: "monitor" | "dashboard", records: readonly LedgerRecord[]) {
  const pending = records.filter(({ id }) => id === undefined);
  for (;;) {
    const listed = await listMarked(api, kind);
    const marks = new Set(listed.map(({ mark }) => mark));
    const until = Math.max(...pending.filter(({ key }) => !marks.has(key)).map((record) => settledAt(api, record)));
    // False where nothing is waited for: then it is -Infinity, or NaN.
    if (!(until > api.now().getTime())) return listed;
    api.tell(`a ${kind} that was being made when the last run ended does not show yet: looking again`);
    await waitToSettle(api);
  }
}

/** Ids and marks of all objects that carry our mark, as the API lists them now. */
export async function listMarked(api: Api, kind: "monitor" | "dashboard"): Promise<readonly Listed[]> {
  const found = kind === "monitor" ? await listMonitors(api) : await listDashboards(api);
  return found.flatMap((body): readonly Listed[] => {
    const [id, mark] = [idOf(kind, body), markOf(kind, body)];
    return id === undefined || mark === undefined ? [] : [{ id, mark }];
  });
}

/** Without `page` the API would answer all at once, however many there are. */
async function listMonitors(api: Api): Promise<readonly JsonObject[]> {
  const [found, size]: [JsonObject[], number] = [[], 1000];
  for (let page = 0; ; page++) {
    const query = `monitor_tags=${encodeURIComponent(managedTag)}&page=${page}&page_size=${size}`;
    const list = await api.ask({ method: "GET", path: `/api/v1/monitor?${query}`, what: "list the monitors" });
    const objects = isList(list) ? list.filter(isObject) : [];
    found.push(...objects);
    if (objects.length < size) return found;
  }
}

/** The API names no largest page; none is smaller than its usual one. Few pages: 60 requests a minute are all it takes. */
async function listDashboards(api: Api): Promise<readonly JsonObject[]> {
  const [found, asked, usual]: [JsonObject[], number, number] = [[], 1000, 100];
  for (;;) {
    const path = `/api/v1/dashboard?count=${asked}&start=${found.length}`;
    const list = member(await api.ask({ method: "GET", path, what: "list the dashboards" }), "dashboards");
    const objects = isList(list) ? list.filter(isObject) : [];
    found.push(...objects);
    if (objects.length < usual) return found;
  }
}
