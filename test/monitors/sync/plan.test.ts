import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Desired, Json, JsonObject, ObjectKind } from "../../../monitors/desired.ts";
import type { Actual } from "../../../monitors/sync/actual.ts";
import { planMarkdown } from "../../../monitors/sync/markdown.ts";
import { markOf } from "../../../monitors/sync/mark.ts";
import { type Plan, planOf } from "../../../monitors/sync/plan.ts";
import { planPage, summaryLine } from "../../../monitors/sync/plan-page.ts";

type Ledger = Parameters<typeof planOf>[0]["ledger"];
type Records = ReturnType<Ledger["records"]>;

const ledgerOf = (records: Records): Ledger => ({
  records: () => records,
  find: (kind, key) => records.find((one) => one.kind === kind && one.key === key),
});

const planned = (desired: readonly Desired[], actual: readonly Actual[], records: Records = []): Plan =>
  planOf({ api: "https://api.example", org: "o", desired, actual, ledger: ledgerOf(records) });

const keys = fc.constantFrom("a", "b", "c", "d");
const maybe = (values: Readonly<Record<string, fc.Arbitrary<Json>>>) => fc.record(values, { requiredKeys: [] });
const without = (object: Readonly<Record<string, Json | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(object).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));

const monitorBody = (key: string): fc.Arbitrary<JsonObject> =>
  fc
    .tuple(
      maybe({
        message: fc.constantFrom("", "m", "n"),
        priority: fc.constantFrom(null, 0, 1, 2),
        restricted_roles: fc.constantFrom(null, ["r"]),
        draft_status: fc.constantFrom("published", "draft"),
      }),
      maybe({
        renotify_interval: fc.constantFrom(null, 0, 10),
        new_host_delay: fc.constantFrom(null, 0, 300),
        thresholds: fc.constantFrom({ critical: 1 }, { critical: 1, warning: null }),
        on_missing_data: fc.constantFrom("default", "resolve"),
      }),
      fc.constantFrom("query alert", "metric alert", "event-v2 alert"),
      fc.constantFrom("q", "r"),
      fc.shuffledSubarray(["team:x", "team:y"]),
    )
    .map(([top, options, type, query, tags]) => ({
      ...without(top),
      name: key,
      type,
      query,
      options: without(options),
      tags: [...tags, "managed-by:overlaywatch", `overlaywatch-key:${key}`],
    }));

const dashboardBody = (key: string): fc.Arbitrary<JsonObject> =>
  fc
    .tuple(fc.constantFrom("ordered", "free"), fc.array(fc.constantFrom("x", "y"), { maxLength: 2 }))
    .map(([layout, widgets]) => ({
      title: key,
      description: `Managed by overlaywatch: ${key}`,
      layout_type: layout,
      widgets: widgets.map((content) => ({ definition: { type: "note", content } })),
    }));

const webhookBody = (key: string): fc.Arbitrary<JsonObject> =>
  maybe({
    payload: fc.constantFrom(null, "{}"),
    custom_headers: fc.constantFrom(null, '{"a":"b"}'),
    encode_as: fc.constantFrom("json", "form"),
  }).map((more) => ({ ...without(more), name: key, url: "https://w.example" }));

const bodies = { webhook: webhookBody, monitor: monitorBody, dashboard: dashboardBody };

const definition = fc
  .tuple(fc.constantFrom<ObjectKind>("webhook", "monitor", "dashboard"), keys)
  .chain(([kind, key]) => bodies[kind](key).map((body): Desired => ({ kind, key, body, origin: "x.ts" })));

const definitions = fc.uniqueArray(definition, { selector: ({ kind, key }) => `${kind} ${key}`, maxLength: 10 });

/** An organisation that takes writes as the API does: a PUT merges at the top, and replaces options. */
class Organisation {
  readonly objects = new Map<string, { readonly kind: ObjectKind; readonly key: string; readonly body: JsonObject }>();
  #last = 0;

  actual(): readonly Actual[] {
    return [...this.objects].map(([id, { kind, key, body }]) => {
      const mark = markOf(kind, body);
      return { kind, id, body, known: key, ...(mark === undefined ? {} : { mark }) };
    });
  }

  records(): Records {
    return [...this.objects].map(([id, { kind, key }]) => ({ kind, key, id }));
  }

  apply({ changes }: Plan): void {
    for (const change of changes) {
      const { action, kind, key, id = "", body } = change;
      if (action === "update") this.#update(id, body ?? {});
      else this.objects.delete(id);
      if (action === "create" || action === "replace")
        this.objects.set(kind === "webhook" ? key : String(++this.#last), { kind, key, body: body ?? {} });
    }
  }

  #update(id: string, body: JsonObject): void {
    const before = this.objects.get(id);
    assert.ok(before !== undefined, "an update of what is not there");
    this.objects.set(id, { ...before, body: before.kind === "dashboard" ? body : { ...before.body, ...body } });
  }
}

describe("monitors/sync: planning", () => {
  it("comes to nothing after the plan was done, whatever was there before", () => {
    fc.assert(
      fc.property(definitions, definitions, (before, after) => {
        const organisation = new Organisation();
        organisation.apply(planned(before, []));
        organisation.apply(planned(after, organisation.actual(), organisation.records()));
        const last = planned(after, organisation.actual(), organisation.records());
        assert.deepEqual([last.changes, last.conflicts, last.warnings, last.lost], [[], [], [], []]);
        assert.equal(last.inSync, after.length);
        assert.equal(organisation.objects.size, after.length);
      }),
      { numRuns: 500 },
    );
  });

  it("never touches what carries no mark and is in no ledger", () => {
    fc.assert(
      fc.property(definitions, definitions, (theirs, desired) => {
        const actual = theirs.map(({ kind, key, body }, i): Actual => {
          const { tags: _, description: __, ...plain } = body;
          return { kind, id: kind === "webhook" ? key : `t${i}`, body: plain };
        });
        const ids = new Set(actual.map(({ id }) => id));
        for (const { action, id } of planned(desired, actual).changes)
          assert.ok(action === "create" && (id === undefined || !ids.has(id)));
      }),
    );
  });

  const [body] = fc.sample(monitorBody("a"), { numRuns: 1, seed: 1 });
  const want: Desired = { kind: "monitor", key: "a", origin: "a.ts", body: body! };
  const copy = (id: string): Actual => ({ kind: "monitor", id, mark: "a", body: body! });

  it("leaves a copy of ours alone, whichever is the original", () => {
    for (const [records, original] of [
      [[{ kind: "monitor", key: "a", id: "9" }], "9"],
      [[], "7"],
    ] as const) {
      const { changes, warnings } = planned([want], [copy("9"), copy("7")], records);
      assert.deepEqual(changes, []);
      assert.match(warnings.join(), new RegExp(`carries the mark of a, which is ${original}: a copy`, "u"));
    }
  });

  it("is shown whole, in Markdown as well, and cut where a comment would not hold it", () => {
    const long = { ...want, body: { ...want.body, message: "```\nwords\n".repeat(400) } };
    const plan = planned([long], [copy("1")]);
    assert.match(planPage(plan), /^~ monitor a {2}\(1\)\n {4}message:\n/mu);
    const text = planMarkdown(plan);
    assert.match(text, /^````+diff$/mu);
    assert.ok(text.includes(summaryLine(plan)));
    const many = planned(
      Array.from({ length: 40 }, (_, i) => ({ ...long, key: `k${i}` })),
      Array.from({ length: 40 }, (_, i) => ({ ...copy(String(i)), mark: `k${i}` })),
    );
    assert.ok(planMarkdown(many).length < 65_536);
    assert.match(planMarkdown(many), /… and \d+ more: see the output of the job\.\n$/u);
  });
});
