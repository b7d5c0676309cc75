import assert from "node:assert/strict";
import { officialSchema } from "./openapi.ts";

describe("standin: the official schema", () => {
  const schema = officialSchema();
  if (schema === undefined) return;
  const monitor = { type: "metric alert", query: "q", options: { thresholds: { critical: 1 } } };
  const found = (body: Parameters<typeof schema.request>[2]) => schema.request("POST", "/api/v1/monitor", body);

  it("takes what is right", () => {
    assert.deepEqual(found({ ...monitor, priority: null, tags: ["a:b"] }), []);
    assert.deepEqual(schema.response("GET", "/api/v1/monitor", 200, [{ ...monitor, id: 1 }]), []);
    assert.deepEqual(schema.response("GET", "/api/v1/monitor/7", 404, { errors: ["Monitor not found"] }), []);
  });

  it("sees what is wrong, how deep it may be", () => {
    assert.deepEqual(found({ query: "q" }), [".type: missing"]);
    assert.deepEqual(found({ ...monitor, type: "no alert" }), ['.type: "no alert" is none of the enumeration']);
    assert.deepEqual(found({ ...monitor, tags: [1] }), [".tags[0]: 1 is no string"]);
    assert.deepEqual(found({ ...monitor, message: null }), [".message: null"]);
    const options = { thresholds: { critical: "1" }, min_failure_duration: 9999 };
    assert.deepEqual(found({ ...monitor, options }), [
      '.options.thresholds.critical: "1" is no number',
      ".options.min_failure_duration: 9999 is outside of the limits",
    ]);
    assert.deepEqual(schema.response("GET", "/api/v1/monitor", 429, { error: "no" }), [".errors: missing"]);
    const widget = { definition: { type: "note", content: "x", colour: "red" } };
    const dashboard = { title: "t", layout_type: "ordered", widgets: [widget] };
    assert.notDeepEqual(schema.request("PUT", "/api/v1/dashboard/abc", { ...dashboard, widgets: [{}] }), []);
    assert.notDeepEqual(schema.request("POST", "/api/v1/dashboard", { ...dashboard, layout_type: "wide" }), []);
  });
});
