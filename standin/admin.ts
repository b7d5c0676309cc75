import { type Answer, ok, Refused, refusal } from "./answer.ts";
import type { Request } from "./api.ts";
import { faultNames, type FaultSettings, isFaultName, type Planned } from "./faults.ts";
import { isList, isObject, type Json, type JsonObject, objectAt, parseJson, textAt } from "./json.ts";
import { kinds } from "./organisation.ts";
import type { Standin } from "./standin.ts";
import { isTransition } from "./trigger.ts";

/** Paths that the true API does not have: to look into a stand-in and to disturb it. No keys are asked for. */
export const adminPrefix = "/standin/";

export function administer(standin: Standin, request: Request): Answer {
  try {
    return administered(standin, request);
  } catch (error) {
    if (error instanceof Refused) return error.answer;
    if (error instanceof SyntaxError) return refusal(400, "Invalid JSON");
    throw error;
  }
}

function administered(standin: Standin, { method, path, body }: Request): Answer {
  switch (`${method} ${path.slice(adminPrefix.length)}`) {
    case "GET state":
      return ok(stateOf(standin));
    case "GET requests":
      return ok(standin.requests().map((one) => ({ ...one })));
    case "GET deliveries":
      return ok(standin.deliveries().map((one) => ({ ...one })));
    case "GET metrics":
      return ok(standin.metrics());
    case "GET groups":
      return ok(standin.groups());
    case "POST faults":
      return disturb(standin, objectIn(body));
    case "POST trigger":
      return trigger(standin, objectIn(body));
    default:
      return refusal(404, "There is: GET state, requests, deliveries, metrics, groups; POST faults, trigger");
  }
}

function objectIn(text: string): JsonObject {
  const value = parseJson(text);
  if (!isObject(value)) throw new Refused(400, "Expected a JSON object");
  return value;
}

const stateOf = ({ organisations }: Standin): Json => ({
  organisations: organisations.map(({ id, name, kept }) => ({
    id,
    name,
    ...Object.fromEntries(kinds.map((kind) => [kind, kept[kind].values()])),
  })),
});

/** `{"rates":{"429":0.1},"next":[{"fault":"cut","method":"POST","path":"/api/v1/monitor"}],"lag":2000,"slow":1000,"reset":1}` */
function disturb(standin: Standin, body: JsonObject): Answer {
  const rates = Object.entries(objectAt(body, "rates")).map(
    ([name, rate]) => [faultIn(name), numberIn(name, rate)] as const,
  );
  const numbers = ["lag", "slow", "reset"].map((name) => [name, body[name]] as const);
  const given = numbers.filter(([, value]) => value !== undefined);
  const next = isList(body["next"]) ? body["next"].filter(isObject).map(plannedOf) : [];
  const settings: Partial<FaultSettings> = {
    ...("rates" in body ? { rates: Object.fromEntries(rates) } : {}),
    ...Object.fromEntries(given.map(([name, value]) => [name, numberIn(name, value)])),
  };
  standin.disturb(settings, ...next);
  return ok({});
}

function faultIn(name: string): Planned["fault"] {
  if (isFaultName(name)) return name;
  throw new Refused(400, `${name}: there is no such fault; there are ${faultNames.join(", ")}`);
}

function numberIn(name: string, value: Json | undefined): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new Refused(400, `${name}: expected a number from 0 up`);
}

function plannedOf(one: JsonObject): Planned {
  const [method, path] = [textAt(one, "method"), textAt(one, "path")];
  return {
    fault: faultIn(textAt(one, "fault")),
    ...(method === "" ? {} : { method }),
    ...(path === "" ? {} : { path }),
  };
}

/** `{"monitor_id":1,"host":"a","transition":"Triggered"}`, and `scope` and `cycle` where they matter. */
function trigger(standin: Standin, body: JsonObject): Answer {
  const [host, transition, scope, cycle] = ["host", "transition", "scope", "cycle"].map((key) => textAt(body, key));
  if (host === undefined || host === "" || transition === undefined || !isTransition(transition))
    throw new Refused(400, "Expected monitor_id, host and transition (Triggered, Recovered, Warn, No Data...)");
  const event = standin.trigger(Number(body["monitor_id"]), {
    host,
    transition,
    ...(scope === undefined || scope === "" ? {} : { scope }),
    ...(cycle === undefined || cycle === "" ? {} : { cycle }),
  });
  return ok(event, 202);
}
