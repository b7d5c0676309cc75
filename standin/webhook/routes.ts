import { type Answer, ok } from "../answer.ts";
import { type Call, found, objectOf, type Route } from "../call.ts";
import { type JsonObject, pick, textAt } from "../json.ts";
import { enforce, normalise } from "../rule.ts";
import { shownVariable, webhookNormalisations } from "./normal.ts";
import { variableRules, webhookRules } from "./rules.ts";

interface Named {
  readonly kind: "webhooks" | "variables";
  readonly path: string;
  readonly missing: string;
  /** Checks and completes what would be kept. Throws a 400. */
  readonly accept: (body: JsonObject, taken: boolean) => JsonObject;
  readonly shown: (kept: JsonObject) => JsonObject;
}

const configuration = "/api/v1/integration/webhooks/configuration";

const webhooks: Named = {
  kind: "webhooks",
  path: `${configuration}/webhooks`,
  missing: "Webhook does not exist",
  accept: (body, taken) => {
    enforce(webhookRules, { body, taken });
    return normalise(webhookNormalisations, body);
  },
  shown: (kept) => kept,
};

const variables: Named = {
  kind: "variables",
  path: `${configuration}/custom-variables`,
  missing: "Custom variable does not exist",
  accept: (body, taken) => {
    enforce(variableRules, { body, taken });
    return pick(body, new Set(["name", "value", "is_secret"]));
  },
  shown: shownVariable,
};

/** Neither can be listed (4.5): who has lost the name can not find it again. */
export const webhookRoutes: readonly Route[] = [webhooks, variables].flatMap((named): readonly Route[] => [
  { method: "POST", path: named.path, handle: (call) => create(call, named) },
  { method: "GET", path: `${named.path}/{name}`, handle: (call) => ok(named.shown(currentOf(call, named, call.at))) },
  { method: "PUT", path: `${named.path}/{name}`, handle: (call) => update(call, named) },
  { method: "DELETE", path: `${named.path}/{name}`, handle: (call) => remove(call, named) },
]);

const currentOf = (call: Call, { kind, missing }: Named, at?: number): JsonObject =>
  found(call, kind, call.path["name"] ?? "", missing, at);

/** 201, and where it is to be found (4.5, recorded). */
function create(call: Call, { kind, path, accept, shown }: Named): Answer {
  const body = objectOf(call);
  const name = textAt(body, "name");
  const kept = accept(body, call.org.kept[kind].get(name) !== undefined);
  call.org.kept[kind].set(name, kept);
  return { ...ok(shown(kept), 201), headers: { Location: `${call.world.appUrl}${path}/${name}` } };
}

/** Fields merge; a new name moves it. */
function update(call: Call, named: Named): Answer {
  const before = currentOf(call, named);
  const body = { ...before, ...objectOf(call) };
  const [old, name] = [textAt(before, "name"), textAt(body, "name")];
  const { kind } = named;
  const kept = named.accept(body, name !== old && call.org.kept[kind].get(name) !== undefined);
  if (name !== old) call.org.kept[kind].set(old, undefined);
  call.org.kept[kind].set(name, kept);
  return ok(named.shown(kept));
}

/** 200 and nothing; a second time 404. */
function remove(call: Call, named: Named): Answer {
  call.org.kept[named.kind].set(textAt(currentOf(call, named), "name"), undefined);
  return ok({});
}
