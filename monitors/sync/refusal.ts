import { printable } from "../../host/iproute2/error.ts";
import { isList, member, parseJson, textAt } from "./json.ts";
import { causes, type Done, type Outcome } from "./retry.ts";
import type { Answer } from "./transport.ts";

interface Facts {
  /** Undefined where no answer came. */
  readonly status?: number;
  /** What the API itself said. */
  readonly texts: readonly string[];
  readonly done: Done;
}

/** The API did not do what it was asked, or nobody knows. The message: what was attempted, what came back, what to do. */
export class Refusal extends Error implements Facts {
  override readonly name = "Refusal";
  readonly status?: number;
  readonly texts: readonly string[];
  readonly done: Done;

  constructor(message: string, { status, texts, done }: Facts, cause?: unknown) {
    super(message, { cause });
    if (status !== undefined) this.status = status;
    this.texts = texts;
    this.done = done;
  }

  /** Nothing else will go better: keys, site or network. */
  get hopeless(): boolean {
    return this.status === undefined || [401, 403, 429].includes(this.status) || this.status >= 500;
  }
}

/** What is thrown when the API did not do it: after so many tries, and with what was done before. */
export function refusal(what: string, outcome: Outcome, done: Done, tries: number): Refusal {
  const times = tries > 1 ? ` (tried ${tries} times)` : "";
  if ("error" in outcome) {
    const texts = [...new Set(causes(outcome.error))].map((text) => printable(text));
    return new Refusal(
      `cannot ${what}: no answer${times}: ${texts.join(": ")}; ${lost(done)}`,
      { texts, done },
      outcome.error,
    );
  }
  const { answer } = outcome;
  const texts = errorTexts(answer);
  const advice = adviceFor(answer, texts);
  const said = texts.length === 0 ? "without a reason" : texts.join("; ");
  return new Refusal(
    `cannot ${what}: the API answered ${answer.status}${times}: ${said}${advice === "" ? "" : `; ${advice}`}`,
    { status: answer.status, texts, done },
  );
}

const lost = (done: Done): string =>
  done === "no"
    ? "is the address right, and is there a way to it?"
    : "whether it was done is not known; the next plan will tell";

/** `{"errors":["..."]}`, `{"errors":[{title,detail}]}`, `{"errors":{"<id>":["..."]}}`, or the begin of something else. */
export function errorTexts({ text }: Answer): readonly string[] {
  const body = parseJson(text);
  const errors = member(body, "errors");
  const found = isList(errors)
    ? errors
    : Object.values(typeof errors === "object" && errors !== null ? errors : {}).flat();
  const texts = found.map((one) =>
    typeof one === "string" ? one : (textAt(one, "detail") ?? textAt(one, "title") ?? JSON.stringify(one)),
  );
  if (texts.length > 0) return texts.map((one) => printable(one).slice(0, 2000));
  if (isPage(text)) return [`a page, not an API's answer${titleOf(text)}`];
  const rest = text.trim();
  return rest === "" ? [] : [printable(rest).slice(0, 300)];
}

const isPage = (text: string): boolean => /^\s*<(?:!doctype|html|head)/iu.test(text);

function titleOf(page: string): string {
  const [, title = ""] = /<title>([^<]{1,80})/iu.exec(page) ?? [];
  return title === "" ? "" : ` (${printable(title.trim())})`;
}

const advice: Readonly<Record<number, string>> = {
  401: "check DD_API_KEY and DD_APP_KEY, and that they are of this site",
  403: "check DD_API_KEY and DD_APP_KEY, that they are of this site, and what the application key may do",
  404: "it is gone, or of another organisation: plan again",
  409: "something else holds on to it, or changes it now: plan again",
  413: "it is too large for the API: make it shorter",
  429: "the API has been asked too often: try again later",
};

function adviceFor({ status, text }: Answer, texts: readonly string[]): string {
  if (isPage(text) && status < 500) return "is the address the API's (api., not app.)?";
  if (status >= 300 && status < 400) return "is the address the API's (api., not app.), and the site right?";
  if (status >= 500) return "the API is in trouble: see its status page, and plan again later";
  if (texts.some((one) => one.includes("is referenced in"))) return "take it out of there first";
  return advice[status] ?? "";
}
