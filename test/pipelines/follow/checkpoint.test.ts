import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Sample } from "../../../emit/sample.ts";
import { BadCheckpoint, checkpointText, restore } from "../../../pipelines/follow/checkpoint.ts";
import { Tally } from "../../../pipelines/follow/tally.ts";
import { MadeUpRecorder } from "./recorder.ts";

const now = 1_700_000_003_000;
const context = { now, boot: "boot" };

/** A tally with 5 events of now and 7 of 100 s ago, and what it would send. */
function filled() {
  const [tally, recorder] = [new Tally(), new MadeUpRecorder()];
  tally.add(recorder.event({ count: 7 }), (now - 100_000) * 1000, now);
  tally.add(recorder.event({ count: 5 }), now * 1000, now);
  return { tally, recorder };
}

function withBatch() {
  const { tally } = filled();
  const closedBefore = tally.pending.closed;
  const samples = [...tally.pending.takeLate(100, true), ...tally.pending.takeLive([])];
  const text = checkpointText(
    tally.book,
    { place: { cursor: "c", read: 1 }, tally: tally.state(), batch: { id: "ab12", samples, closedBefore } },
    context,
  );
  return { text, samples };
}

const pendingOf = ({ book, tally }: ReturnType<typeof restore>): readonly Sample[] => {
  const { pending } = new Tally(book, tally);
  return [...pending.takeLate(100, true), ...pending.takeLive([])].filter(({ name }) => name === "netlink.events");
};

describe("pipelines/follow/checkpoint", () => {
  it("comes back as it was", () => {
    const { tally, recorder } = filled();
    tally.add(recorder.entry("misplaced", { network: "n", container: "c", state: "on" }), now * 1000, now);
    tally.add(recorder.entry("heartbeat"), now * 1000, now);
    const snapshot = { place: { cursor: "s=1;i=2", read: 5 }, tally: tally.state() };
    const restored = restore(checkpointText(tally.book, snapshot, context), undefined, context);
    assert.deepEqual(restored.place, snapshot.place);
    assert.deepEqual(restored.tally, snapshot.tally);
    assert.deepEqual([...restored.book.cells()], [...tally.book.cells()]);
    assert.equal(restored.ambiguous, 0);
  });

  it("sends a batch that surely was not sent", () => {
    const { text, samples } = withBatch();
    for (const mark of [undefined, "sent-0000", "sending-0000"])
      assert.deepEqual(
        pendingOf(restore(text, mark, context)),
        samples.filter(({ name }) => name === "netlink.events"),
      );
  });

  it("does not send one again that was sent, or may have been, and tells how many events it may have cost", () => {
    const { text } = withBatch();
    const fates = [
      ["sent-ab12", "boot", 0],
      ["sending-ab12", "boot", 12],
      [undefined, "another boot", 12],
      ["sent-ab12", "another boot", 0],
    ] as const;
    for (const [mark, boot, ambiguous] of fates) {
      const restored = restore(text, mark, { now, boot });
      assert.deepEqual(pendingOf(restored), []);
      assert.equal(restored.ambiguous, ambiguous);
    }
  });

  it("puts what was of now into its own time, when that is past", () => {
    const { tally } = filled();
    const text = checkpointText(tally.book, { place: { read: 1 }, tally: tally.state() }, context);
    assert.deepEqual(
      pendingOf(restore(text, undefined, { ...context, now: now + 60_000 })).map(({ at, value }) => [at, value]),
      [
        [1_699_999_905, 7],
        [1_700_000_005, 5],
      ],
    );
  });

  it("refuses what it is not, and says why", () => {
    const { text } = withBatch();
    const cases = [
      ["", /empty/u],
      [" \n", /empty/u],
      [text.slice(0, 50), /torn/u],
      ["\u0000\u0000", /torn/u],
      [text.replace('"version":1', '"version":2'), /version 2, this program reads 1/u],
      ["null", /expected object/iu],
      [text.replace(/"read":\d+/u, '"read":"x"'), /read/u],
      [text.replace('"netlink.events"', '"no.such"'), /cells/u],
      [text.replace(/"counts":\[\[\d+/u, '"counts":[[99'), /series 99/u],
    ] as const;
    for (const [bad, why] of cases)
      assert.throws(
        () => restore(bad, undefined, context),
        (error) => error instanceof BadCheckpoint && why.test(error.message),
        bad,
      );
  });

  it("throws nothing else, however it is torn", () => {
    const { text } = withBatch();
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(text.length), fc.string({ maxLength: 3 }), (from, length, put) => {
        try {
          restore(text.slice(0, from) + put + text.slice(from + length), undefined, context);
        } catch (error) {
          assert.ok(error instanceof BadCheckpoint, String(error));
        }
      }),
    );
  });
});
