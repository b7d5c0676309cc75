import assert from "node:assert/strict";
import { dashboardNormalisations } from "../../standin/dashboard/normal.ts";
import { dashboardRules } from "../../standin/dashboard/rules.ts";
import { isList, isObject, type Json, type JsonObject, objectAt, omit, wordAt } from "../../standin/json.ts";
import { useStandin } from "./use-standin.ts";

const note = { definition: { type: "note", content: "x" } };
const board = { title: "Overlay", layout_type: "ordered", widgets: [note] };
const layout = { x: 0, y: 0, width: 4, height: 4 };

const refused: Readonly<Record<string, readonly (readonly [JsonObject, string])[]>> = {
  required: ["title", "layout_type", "widgets"].map((key) => [omit(board, key), `'${key}' is a required property`]),
  "field-types": [
    [{ ...board, title: 1 }, "'title' is invalid"],
    [{ ...board, layout_type: "wide" }, "'layout_type' is invalid"],
    [{ ...board, template_variables: [{ prefix: "host" }] }, "'template_variables' is invalid"],
    [{ ...board, tags: ["team:a", "team:b", "team:c", "team:d", "team:e", "team:f"] }, "'tags' is invalid"],
    [{ ...board, notify_list: [1] }, "'notify_list' is invalid"],
  ],
  "team-tags": [[{ ...board, tags: ["tm:foobar"] }, "Invalid tag format. Valid tag keys are: team."]],
  // Of an update: tried on its own below.
  "layout-immutable": [],
  reflow: [
    [
      { ...board, layout_type: "free", reflow_type: "auto", widgets: [{ ...note, layout }] },
      "'reflow_type' requires layout_type: ordered",
    ],
  ],
  "widget-layouts": [
    [{ ...board, layout_type: "free" }, "'layout' is a required property of each widget"],
    [{ ...board, reflow_type: "fixed" }, "'layout' is a required property of each widget"],
    [{ ...board, reflow_type: "auto", widgets: [{ ...note, layout }] }, "'layout' is not allowed"],
  ],
  "widget-definitions": [
    [{ ...board, widgets: [note, {}] }, "Invalid widget definition at position 1"],
    [
      { ...board, widgets: [{ definition: { type: "group", layout_type: "ordered", widgets: [{ definition: {} }] } }] },
      "Invalid widget definition at position 0",
    ],
  ],
};

const accepted: readonly JsonObject[] = [
  board,
  { ...board, tags: ["team:a"], template_variables: [{ name: "host", prefix: "host" }], notify_list: null },
  { ...board, reflow_type: "fixed", widgets: [{ ...note, layout }] },
  { ...board, layout_type: "free", widgets: [{ ...note, layout }] },
  { ...board, widgets: [{ definition: { type: "group", layout_type: "ordered", widgets: [note] } }] },
];

const path = (dashboard: JsonObject) => `/api/v1/dashboard/${wordAt(dashboard, "id")}`;
const widgetsOf = ({ widgets }: JsonObject) => (isList(widgets) ? widgets.filter(isObject) : []);

describe("standin/dashboard", () => {
  const { call, clock } = useStandin();
  const create = (body: Json) => call("POST", "/api/v1/dashboard", body);

  it("has a case for every rule and every normalisation", () => {
    assert.deepEqual(
      Object.keys(refused),
      dashboardRules.map(({ id }) => id),
    );
    assert.deepEqual(
      dashboardNormalisations.map(({ id }) => id),
      ["defaults", "widget-ids"],
    );
  });

  for (const { id, why, source, refuses } of dashboardRules)
    it(`${id}: ${why} (${source})`, async () => {
      for (const [body, says] of refused[id] ?? []) {
        const answer = await create(body);
        assert.deepEqual([answer.status, answer.errors], [400, [says]], JSON.stringify(body));
        assert.equal(refuses({ body, current: undefined }), says, "it is this rule that refuses");
      }
    });

  it("takes what is right", async () => {
    for (const body of accepted) assert.equal((await create(body)).status, 200, JSON.stringify(body));
  });

  it("layout-immutable: an update keeps the layout type", async () => {
    const made = (await create(board)).object;
    const answer = await call("PUT", path(made), { ...board, layout_type: "free", widgets: [{ ...note, layout }] });
    assert.deepEqual(answer.errors, ["'layout_type' can not be changed"]);
  });

  it("defaults: answers what was sent, and what the API adds; what is read-only is its own", async () => {
    const made = (await create({ ...board, id: "mine", author_handle: "me", url: "/x" })).object;
    assert.match(wordAt(made, "id"), /^[a-z0-9]{3}-[a-z0-9]{3}-[a-z0-9]{3}$/u);
    assert.deepEqual(omit(made, "id", "url", "widgets"), {
      title: "Overlay",
      layout_type: "ordered",
      description: null,
      template_variables: null,
      notify_list: null,
      is_read_only: false,
      restricted_roles: [],
      author_name: "Stand-in",
      author_handle: "stand-in@example.com",
      created_at: "2026-01-02T03:04:05.000000+00:00",
      modified_at: "2026-01-02T03:04:05.000000+00:00",
    });
    assert.equal(made["url"], `/dashboard/${wordAt(made, "id")}/overlay`);
    assert.deepEqual((await call("GET", path(made))).object, made);
  });

  it("widget-ids: gives every widget an id, within groups too, and keeps what was sent", async () => {
    const group = { definition: { type: "group", layout_type: "ordered", widgets: [note, { ...note, id: 7 }] } };
    const made = (await create({ ...board, widgets: [group, note] })).object;
    const [outer, last] = widgetsOf(made);
    const inner = widgetsOf(objectAt(outer!, "definition"));
    const ids = [outer!, last!, ...inner].map(({ id }) => id);
    assert.ok(ids.every((id) => Number.isSafeInteger(id)));
    assert.equal(new Set(ids).size, 4);
    assert.equal(inner[1]!["id"], 7);
    const again = await call("PUT", path(made), made);
    assert.deepEqual(omit(again.object, "modified_at"), omit(made, "modified_at"));
  });

  it("replaces all of it in an update", async () => {
    const made = (await create({ ...board, description: "d", tags: ["team:a"] })).object;
    clock().advance(1000);
    const { object } = await call("PUT", path(made), { ...board, title: "New" });
    assert.deepEqual([object["title"], object["description"], object["tags"]], ["New", null, undefined]);
    assert.deepEqual([object["id"], object["created_at"]], [made["id"], made["created_at"]]);
    assert.match(wordAt(object, "modified_at"), /^2026-01-02T03:04:06/u);
  });

  it("lists summaries, and deletes", async () => {
    const [first, second] = [(await create(board)).object, (await create({ ...board, title: "B" })).object];
    const list = async (query = "") => (await call("GET", `/api/v1/dashboard${query}`)).object["dashboards"];
    assert.deepEqual(await list("?start=1&count=5"), [
      omit(second, "widgets", "tags", "template_variables", "notify_list", "restricted_roles", "author_name"),
    ]);
    assert.deepEqual((await call("DELETE", path(first))).object, { deleted_dashboard_id: first["id"] });
    const left = await list();
    assert.equal(Array.isArray(left) && left.length, 1);
    for (const method of ["GET", "DELETE"]) {
      const gone = await call(method, path(first));
      assert.deepEqual([gone.status, gone.errors], [404, [`Dashboard with ID ${wordAt(first, "id")} not found`]]);
    }
  });
});
