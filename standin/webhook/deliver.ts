import { setTimeout as sleep } from "node:timers/promises";
import { isObject, type JsonObject, parseJson, textAt } from "../json.ts";
import type { Organisation } from "../organisation.ts";
import { headersOf } from "./rules.ts";
import { substitute, variablesOf } from "./variables.ts";

/** One try at sending a webhook. */
export interface Delivery {
  readonly webhook: string;
  readonly url: string;
  readonly body: string;
  readonly attempt: number;
  /** The receiver's status, or why there was none. */
  readonly outcome: number | string;
}

export interface DeliveryOptions {
  /** Between tries, in milliseconds. */
  readonly pause: number;
  readonly signal: AbortSignal;
  readonly onTry: (delivery: Delivery) => void;
}

/** The receiver has 15 s; a lost connection or a 5xx is tried again, 5 times; 4xx and 429 never are (4.5 [D]). */
const timeout = 15_000;
const tries = 6;

/** Names of webhooks that a text mentions. */
const webhooksIn = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/@webhook-([\w.-]*\w)/gu)].map(([, name = ""]) => name)),
];

/** Sends every webhook that the event's title and text name; resolves when all are delivered or given up. */
export async function deliver(event: JsonObject, org: Organisation, options: DeliveryOptions): Promise<void> {
  const named = webhooksIn(`${textAt(event, "title")}\n${textAt(event, "text")}`);
  const webhooks = named.map((name) => org.kept.webhooks.get(name)).filter((one) => one !== undefined);
  await Promise.all(webhooks.map((webhook) => send(requestOf(webhook, event, org), options)));
}

interface Outgoing {
  readonly webhook: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function requestOf(webhook: JsonObject, event: JsonObject, org: Organisation): Outgoing {
  const values = variablesOf(event, org);
  const payload = substitute(textAt(webhook, "payload"), values, true);
  const isForm = webhook["encode_as"] === "form";
  const own = headersOf(substitute(textAt(webhook, "custom_headers") || "{}", values, true)) ?? {};
  return {
    webhook: textAt(webhook, "name"),
    url: substitute(textAt(webhook, "url"), values, false),
    headers: { "content-type": isForm ? "application/x-www-form-urlencoded" : "application/json", ...own },
    body: isForm ? formOf(payload) : payload,
  };
}

function formOf(payload: string): string {
  const value = parseJson(payload);
  const form = new URLSearchParams();
  for (const [key, one] of isObject(value) ? Object.entries(value) : [])
    form.append(key, typeof one === "string" ? one : JSON.stringify(one));
  return form.toString();
}

async function send(request: Outgoing, options: DeliveryOptions): Promise<void> {
  const { webhook, url, body } = request;
  for (let attempt = 1; attempt <= tries && !options.signal.aborted; attempt++) {
    const outcome = await tryOnce(request, options.signal);
    options.onTry({ webhook, url, body, attempt, outcome });
    if (typeof outcome === "number" && outcome < 500) return;
    await sleep(options.pause, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

async function tryOnce({ url, headers, body }: Outgoing, signal: AbortSignal): Promise<number | string> {
  try {
    const both = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
    const response = await fetch(url, { method: "POST", headers, body, signal: both, redirect: "manual" });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    return error.cause instanceof Error ? error.cause.message : error.message;
  }
}
