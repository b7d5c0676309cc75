import assert from "node:assert/strict";
import type { Desired } from "../../../monitors/desired.ts";
import { markOf } from "../../../monitors/sync/mark.ts";
import { titleOf } from "../../../monitors/sync/resources.ts";
import { Refusal } from "../../../monitors/sync/refusal.ts";
import { randomFrom } from "../../../standin/random.ts";
import { figure, sized } from "../../accept/length.ts";
import { everything, useOrganisation } from "./organisation.ts";

/** Share of requests that go wrong in each way; about four in ten do. */
const rates = {
  "429": 0.08,
  "500": 0.03,
  "502": 0.03,
  "503": 0.002,
  "512": 0.02,
  html: 0.02,
  "5xx-after": 0.06,
  "html-after": 0.02,
  reset: 0.05,
  cut: 0.06,
  stale: 0.05,
  "empty-list": 0.02,
};
const lag = 60;
/** Of what ships, in a run. */
const share = sized(0.5, 0.25);
const seed = Number(process.env["OVERLAYWATCH_SEED"] ?? Date.now() % 1_000_000);

describe("monitors/sync: an API that fails at random", () => {
  const { standin, open, apply, plan, kept } = useOrganisation({ seed });

  it(`makes no duplicate, loses nothing, and comes to be in sync (seed ${seed})`, async () => {
    const random = randomFrom(seed);
    const runs = sized(200, 20);
    let [killed, failed] = [0, 0];
    for (let run = 1; run <= runs; run++) {
      standin().disturb({ rates, lag, reset: 0 });
      const end = new AbortController();
      const kill = random() < 0.4 ? setTimeout(() => end.abort(new Error("killed")), random() * 150) : undefined;
      const result = await apply(await open({ signal: end.signal }), wanted(random)).catch((error: unknown) =>
        error instanceof Error ? error : new Error(String(error)),
      );
      clearTimeout(kill);
      if (end.signal.aborted) killed++;
      else if (result instanceof Error || result.some((step) => step.result !== "done")) failed++;
      if (result instanceof Error && !end.signal.aborted) assert.ok(isTold(result), String(result));
      assert.deepEqual(duplicates(), [], `after run ${run}`);
      if (run % 10 === 0) await comesToBeInSync(random, `after run ${run}`);
    }
    figure(`${runs} runs: ${killed} killed, ${failed} ended with an error, ${standin().requests().length} requests`);
    assert.ok(killed > 0, "nothing was ever killed");
  }).timeout(sized(600_000, 60_000));

  const comesToBeInSync = async (random: () => number, when: string) => {
    standin().disturb({ rates: {} });
    const desired = wanted(random);
    const last = (await apply(await open(), desired)).filter(({ result }) => result !== "done");
    assert.deepEqual(
      last.map(({ error }) => error),
      [],
      when,
    );
    const { changes, conflicts, warnings } = await plan(await open(), desired);
    assert.deepEqual([changes, conflicts, warnings], [[], [], []], when);
    assert.deepEqual(
      all().toSorted(),
      desired.map(({ kind, body }) => `${kind} ${titleOf(kind, body)}`).toSorted(),
      when,
    );
  };

  const marks = () => [
    ...kept("monitors").map((one) => `monitor ${markOf("monitor", one)}`),
    ...kept("dashboards").map((one) => `dashboard ${markOf("dashboard", one)}`),
  ];
  const duplicates = () => marks().filter((mark, i, list) => list.indexOf(mark) !== i);
  const all = () => [
    ...kept("webhooks").map((one) => `webhook ${titleOf("webhook", one)}`),
    ...kept("monitors").map((one) => `monitor ${titleOf("monitor", one)}`),
    ...kept("dashboards").map((one) => `dashboard ${titleOf("dashboard", one)}`),
  ];
});

/** Some of what ships, some of it changed. */
function wanted(random: () => number): readonly Desired[] {
  const chosen = everything.filter(({ kind }) => kind === "webhook" || random() < share);
  return chosen.map((one) =>
    one.kind === "monitor" && random() < 0.3
      ? { ...one, body: { ...one.body, message: `version ${Math.floor(random() * 3)}` } }
      : one,
  );
}

/** What a person is told, and no fault of the program's. */
const isTold = (error: Error): boolean => error instanceof Refusal || ["Stale", "TooMuch"].includes(error.name);
