import type { Desired } from "../../monitors/desired.ts";
import type { Verdict } from "../../monitors/sync/validate.ts";
import type { Io } from "../command.ts";
import type { Config } from "../config/schema.ts";
import { exitCodes } from "../exit-codes.ts";
import { hasKeys } from "./keys.ts";
import type { SyncRequest } from "./request.ts";
import { validateOffline } from "./validate.ts";

type Values = SyncRequest["values"] & { readonly offline?: boolean | undefined };

/** Without the network first; only what is well there is shown to Datadog. */
export async function validate(config: Config, values: Values, io: Io): Promise<number> {
  const { code, text, json, objects } = validateOffline(config);
  const unasked = whyUnasked(code, config, values, io);
  // First what needs nobody: asking may fail.
  if (values.json !== true) io.stdout.write(text);
  const verdicts = unasked === undefined ? await ask(config, values, objects, io) : [];
  const refused = verdicts.filter(({ verdict }) => verdict === "refused");
  const online = unasked === undefined ? { online: verdicts.map(toldOf) } : {};
  if (values.json === true) io.stdout.write(`${JSON.stringify({ ...json, ...online }, undefined, 1)}\n`);
  else io.stdout.write(`${unasked ?? onlineText(verdicts)}\n`);
  return code === exitCodes.ok && refused.length > 0 ? exitCodes.failed : code;
}

function whyUnasked(code: number, config: Config, { offline = false }: Values, io: Io): string | undefined {
  if (offline) return "Datadog was not asked.";
  if (code !== exitCodes.ok) return "Datadog was not asked: what is wrong here would be refused there as well.";
  return hasKeys(config, io) ? undefined : "Datadog was not asked: there are no keys (DD_API_KEY, DD_APP_KEY).";
}

async function ask(config: Config, values: Values, objects: readonly Desired[], io: Io): Promise<readonly Verdict[]> {
  const [{ connect }, { validateOnline }] = await Promise.all([
    import("./connection.ts"),
    import("../../monitors/sync/validate.ts"),
  ]);
  const { api, ledger } = await connect(config, values["api-url"], io);
  return validateOnline(api, objects, ledger);
}

const toldOf = ({ desired: { kind, key, origin }, verdict, texts }: Verdict) => ({ kind, key, origin, verdict, texts });

function onlineText(verdicts: readonly Verdict[]): string {
  const of = (which: Verdict["verdict"]) => verdicts.filter(({ verdict }) => verdict === which);
  const refused = of("refused").map(
    ({ desired: { kind, key, origin }, texts }) => `${origin}: Datadog refuses the ${kind} ${key}: ${texts.join("; ")}`,
  );
  const unasked = of("unasked").map(({ desired: { kind, key } }) => `${kind} ${key}`);
  const summary = `Datadog accepts ${of("accepted").length} monitors, and refuses ${refused.length}.`;
  const rest = unasked.length === 0 ? "" : ` It can not be asked about the ${unasked.join(", ")} beforehand.`;
  return [...refused, `${summary}${rest}`].join("\n");
}
