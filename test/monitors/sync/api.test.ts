import assert from "node:assert/strict";
import { openApi } from "../../../monitors/sync/api.ts";
import { errorTexts, Refusal } from "../../../monitors/sync/refusal.ts";
import { doneBy, waitBefore, worthAgain } from "../../../monitors/sync/retry.ts";
import { apiUrl, BadSite } from "../../../monitors/sync/site.ts";
import type { Answer } from "../../../monitors/sync/transport.ts";
import { quick } from "./organisation.ts";

const answer = (status: number, text = "{}", headers: Answer["headers"] = {}): Answer => ({ status, text, headers });
const now = new Date("2026-01-01T00:00:00Z");
const refused = () =>
  Object.assign(new Error("connect"), { cause: Object.assign(new Error("x"), { code: "ECONNREFUSED" }) });

const wait = (one: Answer, attempt = 1, spread = 0) => waitBefore(attempt, { answer: one }, quick, now, spread);

const asking = (answers: readonly (Answer | Error)[]) => {
  let asked = 0;
  const api = openApi({
    transport: () => {
      const next = answers[asked++] ?? answer(200);
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    patience: { ...quick, attempts: 3, longestWait: 100 },
    signal: new AbortController().signal,
    tell: () => undefined,
    now: () => now,
    random: () => 0,
  });
  return { api, asked: () => asked };
};

const post = { method: "POST", path: "/x", what: "create the monitor a", once: true } as const;
const get = { method: "GET", path: "/x", what: "read the monitor a" } as const;

const refusalOf = async (work: Promise<unknown>): Promise<Refusal> => {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    return error;
  }
  return assert.fail("it was answered");
};

const texts = (text: string) => errorTexts(answer(400, text));

const told = async (status: number, text = '{"errors":["their words"]}') =>
  (await refusalOf(asking([answer(status, text)]).api.ask(post))).message;

describe("monitors/sync: whether and when to ask again", () => {
  it("waits as long as the API says, in either header", () => {
    assert.equal(wait(answer(429, "", { "x-ratelimit-reset": "7" })), 7000);
    assert.equal(wait(answer(503, "", { "retry-after": "2" })), 2000);
    assert.equal(wait(answer(503, "", { "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT" })), 9000);
    assert.equal(wait(answer(503, "", { "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" })), 0);
  });

  it("else waits twice as long each time, spread, and never more than half a minute", () => {
    assert.deepEqual(
      [1, 2, 3].map((attempt) => wait(answer(500), attempt, 1)),
      [4, 8, 16],
    );
    assert.equal(wait(answer(500), 3), 8);
    assert.equal(wait(answer(500), 40, 1), 30_000);
    assert.equal(wait(answer(429, "", { "x-ratelimit-reset": "soon" }), 1, 1), 4);
  });

  it("knows what was done, what was not, and what nobody knows", () => {
    assert.deepEqual(
      [200, 201, 400, 429, 408, 500, 504].map((status) => doneBy({ answer: answer(status) })),
      ["yes", "yes", "no", "no", "unknown", "unknown", "unknown"],
    );
    assert.equal(doneBy({ error: refused() }), "no");
    assert.equal(doneBy({ error: new AggregateError([refused()], "all") }), "no");
    assert.equal(doneBy({ error: new Error("socket hang up") }), "unknown");
    assert.deepEqual(
      [400, 403, 409, 429, 500].map((status) => worthAgain({ answer: answer(status) })),
      [false, false, false, true, true],
    );
  });
});

describe("monitors/sync: asking", () => {
  it("asks again where it may, and no oftener than it has patience", async () => {
    const better = asking([answer(500), new Error("reset"), answer(200, '{"a":1}')]);
    assert.deepEqual(await better.api.ask(get), { a: 1 });
    const never = asking([answer(500), answer(502), answer(503), answer(200)]);
    const { message, status } = await refusalOf(never.api.ask(get));
    assert.equal(never.asked(), 3);
    assert.equal(status, 503);
    assert.match(message, /^cannot read the monitor a: the API answered 503 \(tried 3 times\): .*plan again later/u);
  });

  it("never sends again what must not be done twice, but where it surely was not done", async () => {
    const unknown = asking([answer(504)]);
    assert.equal((await refusalOf(unknown.api.ask(post))).done, "unknown");
    assert.equal(unknown.asked(), 1);
    const limited = asking([answer(429), refused(), answer(200)]);
    await limited.api.ask(post);
    assert.equal(limited.asked(), 3);
  });

  it("says that a request may have been done where any of its attempts may", async () => {
    const { api } = asking([answer(502), answer(400, '{"errors":["no"]}')]);
    assert.equal((await refusalOf(api.ask({ ...get, method: "PUT" }))).done, "unknown");
  });

  it("says what became of a request that got no answer", async () => {
    const { api } = asking([refused(), refused(), refused()]);
    const { message, done } = await refusalOf(api.ask(get));
    assert.equal(done, "no");
    assert.match(message, /no answer \(tried 3 times\): connect: x: ECONNREFUSED; is the address right/u);
    const cut = await refusalOf(asking([new Error("terminated")]).api.ask(post));
    assert.match(cut.message, /no answer: terminated; whether it was done is not known/u);
  });

  it("asks eight things at once, and no more", async () => {
    let [running, most] = [0, 0];
    const api = openApi({
      transport: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
        return answer(200);
      },
      patience: quick,
      signal: new AbortController().signal,
      tell: () => undefined,
      now: () => new Date(),
      random: () => 0,
    });
    await Promise.all(Array.from({ length: 40 }, () => api.ask(get)));
    assert.equal(most, 8);
  });

  it("does not wait longer than it has patience", async () => {
    const one = asking([answer(429, "{}", { "x-ratelimit-reset": "600" })]);
    await refusalOf(one.api.ask(get));
    assert.equal(one.asked(), 1);
  });

  it("takes a page or half an answer for none", async () => {
    const page = asking([answer(200, "<!DOCTYPE html><title>Datadog: Log In</title>")]);
    assert.match(
      (await refusalOf(page.api.ask(get))).message,
      /a page, not an API's answer \(Datadog: Log In\).*app\./u,
    );
    assert.equal((await refusalOf(asking([answer(200, '{"a":')]).api.ask(post))).done, "unknown");
  });

  it("tells each status with the API's own words and what to do", async () => {
    for (const status of [400, 401, 403, 404, 409, 413, 422])
      assert.match(await told(status), new RegExp(`the API answered ${status}: their words`, "u"));
    assert.match(await told(401), /check DD_API_KEY and DD_APP_KEY/u);
    assert.match(await told(404), /plan again/u);
    assert.match(await told(302, ""), /api\., not app\./u);
  });

  it("reads every form of the API's errors", () => {
    assert.deepEqual(texts('{"errors":["a","b"]}'), ["a", "b"]);
    assert.deepEqual(texts('{"errors":[{"title":"t","detail":"d"},{"title":"t"}]}'), ["d", "t"]);
    assert.deepEqual(texts('{"errors":{"1":["x"],"2":["y"]}}'), ["x", "y"]);
    assert.deepEqual(texts("Timeout\u001b[2J"), ["Timeout [2J"]);
    assert.deepEqual(texts(""), []);
  });
});

describe("monitors/sync: where the keys go", () => {
  it("is a site of Datadog's, or an address that was given", () => {
    assert.equal(apiUrl("datadoghq.eu"), "https://api.datadoghq.eu");
    assert.equal(apiUrl("US5.datadoghq.com"), "https://api.us5.datadoghq.com");
    assert.equal(apiUrl("datadoghq.com", "http://127.0.0.1:8080/"), "http://127.0.0.1:8080");
    assert.equal(apiUrl("datadoghq.com", "https://proxy.example/dd/"), "https://proxy.example/dd");
  });

  it("is refused where it can not be meant", () => {
    const bad: readonly (readonly [string, string | undefined, RegExp])[] = [
      ["datadog.com", undefined, /no site of Datadog's; there are datadoghq\.com/u],
      ["datadoghq.com", "http://proxy.example", /unencrypted/u],
      ["datadoghq.com", "https://app.datadoghq.com", /its API is at https:\/\/api\.datadoghq\.com/u],
      ["datadoghq.com", "ftp://x", /expected an address/u],
      ["datadoghq.com", "https://u:p@x.example", /without a user/u],
    ];
    for (const [site, url, message] of bad)
      assert.throws(
        () => apiUrl(site, url),
        (error) => error instanceof BadSite && message.test(error.message) && !error.message.includes("u:p"),
      );
  });
});
