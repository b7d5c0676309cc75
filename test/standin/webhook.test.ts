import assert from "node:assert/strict";
import type { Json, JsonObject } from "../../standin/json.ts";
import { webhookNormalisations } from "../../standin/webhook/normal.ts";
import { variableRules, webhookRules } from "../../standin/webhook/rules.ts";
import { useStandin } from "./use-standin.ts";

const base = "/api/v1/integration/webhooks/configuration";
const hook = { name: "overlaywatch", url: "https://example.com/hook" };
const variable = { name: "TOKEN_1", value: "v", is_secret: false };

const refused: Readonly<Record<string, readonly (readonly [JsonObject, string])[]>> = {
  "webhook-name": [
    [{ ...hook, name: "a b" }, "Invalid webhook"],
    [{ url: hook.url }, "Invalid webhook"],
  ],
  "webhook-url": [
    [{ name: "a" }, "Invalid webhook"],
    [{ ...hook, url: "ftp://example.com" }, "Invalid webhook"],
  ],
  "webhook-fields": [
    [{ ...hook, payload: { a: 1 } }, "Invalid webhook"],
    [{ ...hook, custom_headers: { a: "b" } }, "Invalid webhook"],
    [{ ...hook, encode_as: "xml" }, "Invalid webhook"],
    [{ ...hook, encode_as: 1 }, "Invalid webhook"],
  ],
  "webhook-headers": [
    [{ ...hook, custom_headers: "Authorization: x" }, "Invalid webhook"],
    [{ ...hook, custom_headers: '{"a":1}' }, "Invalid webhook"],
    [{ ...hook, custom_headers: "[]" }, "Invalid webhook"],
  ],
  "webhook-exists": [[{ ...hook, name: "there" }, "Webhook already exists"]],
  "variable-name": [
    [{ ...variable, name: "token" }, "Invalid custom variable name"],
    [{ ...variable, name: "" }, "Invalid custom variable name"],
  ],
  "variable-fields": [
    [{ name: "A", is_secret: true }, "Invalid custom variable"],
    [{ name: "A", value: "v" }, "Invalid custom variable"],
  ],
  "variable-exists": [[{ ...variable, name: "THERE" }, "Custom variable already exists"]],
};

const methods: readonly (readonly [string, Json?])[] = [["GET"], ["PUT", {}], ["DELETE"]];

describe("standin/webhook", () => {
  const { call } = useStandin();
  const hooks = `${base}/webhooks`;
  const variables = `${base}/custom-variables`;

  it("has a case for every rule and every normalisation", () => {
    assert.deepEqual(
      Object.keys(refused),
      [...webhookRules, ...variableRules].map(({ id }) => id),
    );
    assert.deepEqual(
      webhookNormalisations.map(({ id }) => id),
      ["webhook-unknown-dropped", "webhook-defaults"],
    );
  });

  for (const { id, why, source, refuses } of [...webhookRules, ...variableRules])
    it(`${id}: ${why} (${source})`, async () => {
      await call("POST", hooks, { ...hook, name: "there" });
      await call("POST", variables, { ...variable, name: "THERE" });
      for (const [body, says] of refused[id] ?? []) {
        const answer = await call("POST", id.startsWith("webhook") ? hooks : variables, body);
        assert.deepEqual([answer.status, answer.errors], [400, [says]], JSON.stringify(body));
        assert.equal(refuses({ body, taken: id.endsWith("exists") }), says, "it is this rule that refuses");
      }
    });

  it("webhook-unknown-dropped, webhook-defaults: answers with its defaults, 201 and where it is", async () => {
    const made = await call("POST", hooks, { ...hook, colour: "red" });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get("location"), `https://app.datadoghq.com${hooks}/overlaywatch`);
    assert.deepEqual(made.object, {
      ...hook,
      custom_headers: null,
      encode_as: "json",
      auth_method_id: null,
      payload:
        '{"body": "$EVENT_MSG", "last_updated": "$LAST_UPDATED", "event_type": "$EVENT_TYPE", "title": "$EVENT_TITLE", "date": "$DATE", "org": {"id": "$ORG_ID", "name": "$ORG_NAME"}, "id": "$ID"}',
    });
    assert.deepEqual((await call("GET", `${hooks}/overlaywatch`)).object, made.object);
  });

  it("echoes a payload byte for byte", async () => {
    const payload = '{ "a":\t"$ID",\n"b": 1.0 }';
    const sent = { ...hook, payload, custom_headers: '{"Authorization": "Bearer $TOKEN"}', encode_as: "form" };
    const { object } = await call("POST", hooks, sent);
    assert.deepEqual(object, { ...sent, auth_method_id: null });
  });

  it("merges the fields of an update, and moves what gets a new name", async () => {
    await call("POST", hooks, { ...hook, payload: "{}" });
    await call("POST", hooks, { ...hook, name: "there" });
    const { object } = await call("PUT", `${hooks}/overlaywatch`, { url: "https://example.com/updated" });
    assert.deepEqual([object["url"], object["payload"]], ["https://example.com/updated", "{}"]);
    assert.equal((await call("PUT", `${hooks}/overlaywatch`, { name: "moved" })).status, 200);
    assert.equal((await call("GET", `${hooks}/overlaywatch`)).status, 404);
    assert.deepEqual((await call("GET", `${hooks}/moved`)).object, { ...object, name: "moved" });
    assert.deepEqual((await call("PUT", `${hooks}/moved`, { name: "there" })).errors, ["Webhook already exists"]);
  });

  it("can not list, and does not know what was deleted", async () => {
    await call("POST", hooks, hook);
    for (const [path, missing] of [
      [`${hooks}/overlaywatch`, "Webhook does not exist"],
      [`${variables}/TOKEN_1`, "Custom variable does not exist"],
    ] as const) {
      await call("POST", variables, variable);
      assert.deepEqual((await call("DELETE", path)).body, {});
      for (const [method, body] of methods) {
        const answer = await call(method, path, body);
        assert.deepEqual([answer.status, answer.errors], [404, [missing]]);
      }
    }
    assert.equal((await call("GET", hooks)).status, 405);
    assert.equal((await call("GET", variables)).status, 405);
  });

  it("never answers the value of a secret variable", async () => {
    const secret = { ...variable, is_secret: true, value: "not to be seen" };
    const made = await call("POST", variables, secret);
    assert.equal(made.status, 201);
    const read = await call("GET", `${variables}/TOKEN_1`);
    const put = await call("PUT", `${variables}/TOKEN_1`, { value: "not to be seen either" });
    for (const { object } of [made, read, put]) assert.deepEqual(object, { name: "TOKEN_1", is_secret: true });
    assert.deepEqual((await call("PUT", `${variables}/TOKEN_1`, { is_secret: false })).object, {
      name: "TOKEN_1",
      is_secret: false,
      value: "not to be seen either",
    });
  });
});
