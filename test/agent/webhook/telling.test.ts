import assert from "node:assert/strict";
import { openTelling } from "../../../agent/webhook/telling.ts";
import { folding } from "../../../agent/webhook/folding.ts";
import type { Ended } from "../../../dispatch/gateway/gateway.ts";
import type { EventDraft } from "../../../emit/event.ts";
import type { Sample } from "../../../emit/sample.ts";
import type { Draft } from "../../../pipelines/record/stamp.ts";
import { sample } from "../../dispatch/gateway/use-gateway.ts";

function opened(isBroken = false) {
  const [samples, events, notes, lines] = [
    new Array<Sample>(),
    new Array<EventDraft>(),
    new Array<Draft>(),
    new Array<string>(),
  ];
  let now = 0;
  const broken = (): void => {
    if (isBroken) throw new Error("it is down");
  };
  const log = (message: string): void => void lines.push(message);
  const telling = openTelling({
    outputs: {
      writeSelf: (all) => (broken(), void samples.push(...all)),
      event: (event) => (broken(), void events.push(event)),
    },
    notes: { write: (draft) => (broken(), void notes.push(draft)) },
    log: { info: log, warn: log, error: log },
    now: () => now,
  });
  return { telling, samples, events, notes, lines, advance: (ms: number) => void (now += ms) };
}

const trace = "0123456789abcdef0123456789abcdef";
const accepted: Ended = { ending: "accepted", trace, sender: "192.0.2.1", message: sample, job: "f".repeat(64) };
const unknown: Ended = { ending: "unknown_host", trace, sender: "192.0.2.1", message: { ...sample, host: "host-b" } };
const stranger: Ended = { ending: "token", trace: "", sender: "192.0.2.9" };

describe("agent/webhook: telling", () => {
  it("counts each end by code and reason, and each once", () => {
    const { telling, samples } = opened();
    for (const one of [accepted, accepted, unknown, stranger]) telling.ended(one);
    telling.close();
    assert.deepEqual(samples, [
      { name: "webhook.requests", type: "count", value: 2, tags: { code: "202", reason: "accepted" } },
      { name: "webhook.requests", type: "count", value: 1, tags: { code: "422", reason: "unknown_host" } },
      { name: "webhook.requests", type: "count", value: 1, tags: { code: "401", reason: "token" } },
    ]);
  });

  it("notes each that was let in with its trace, and tells people of what came to nothing, in the alert's own story", () => {
    const { telling, events, notes } = opened();
    for (const one of [accepted, unknown, stranger]) telling.ended(one);
    telling.close();
    assert.deepEqual(
      notes.map(({ kind, trace: of, outcome }) => [kind, of, outcome]),
      [
        ["page", trace, "accepted"],
        ["page", trace, "unknown_host"],
      ],
    );
    const [event, ...more] = events;
    assert.deepEqual(more, []);
    assert.equal(event?.alertType, "error");
    assert.equal(event?.aggregationKey, sample.cycle);
    assert.deepEqual(event?.tags, { reason: "unknown_host", trace });
    assert.match(event?.text ?? "", /host "host-b".*trace 0123/u);
  });

  it("does not let who floods it make a storm: what is held back is told as a number", () => {
    const { telling, events, notes, advance } = opened();
    for (let i = 0; i < 5000; i++) telling.ended(unknown);
    assert.equal(events.length, 2);
    assert.equal(notes.length, 600);
    telling.close();
    assert.match(events.at(-1)?.text ?? "", /^4998 more requests ended as unknown_host/u);
    assert.deepEqual([notes.at(-1)?.count, notes.at(-1)?.outcome], [4400, "unknown_host"]);
    advance(60_000);
    telling.ended(unknown);
    assert.equal(events.length, 4);
  });

  it("goes on where sink and journal throw, and says so", () => {
    const { telling, lines } = opened(true);
    for (const one of [accepted, unknown, stranger]) telling.ended(one);
    telling.close();
    assert.ok(lines.some((line) => line.includes("cannot tell what came of a request: it is down")));
  });
});

describe("agent/webhook: folding", () => {
  it("lets so many of each key through in a minute, and counts the rest once", () => {
    let now = 0;
    const fold = folding(2, () => now);
    assert.deepEqual(["a", "a", "a", "b", "a"].map(fold.take), [true, true, false, true, false]);
    assert.deepEqual([fold.held(), fold.held()], [[["a", 2]], []]);
    now = 60_000;
    assert.equal(fold.take("a"), true);
    now = 1000;
    assert.equal(fold.take("a"), true, "a clock that was put back begins anew");
  });
});
