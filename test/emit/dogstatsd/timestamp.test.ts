import assert from "node:assert/strict";
import { type DogstatsdSink, dogstatsdSink } from "../../../emit/dogstatsd/sink.ts";
import type { Sample } from "../../../emit/sample.ts";
import { listenBy, newFolder, until } from "./listening.ts";

const late = (value: number, at: number): Sample => ({ name: "e", type: "count", value, tags: {}, at });

for (const kind of ["udp", "uds"] as const) {
  describe(`emit/dogstatsd, with a time, by ${kind}`, () => {
    let folder: ReturnType<typeof newFolder>;
    let listening: Awaited<ReturnType<typeof listenBy>>;
    let sink: DogstatsdSink;

    beforeEach(async () => {
      folder = newFolder();
      listening = await listenBy(kind, folder.path);
      sink = dogstatsdSink({ transport: listening.transport });
    });

    afterEach(async () => {
      await sink.close();
      await listening.receiver.close();
      folder.remove();
    });

    it("tells what is told late as of then, and drops a time that is none", async () => {
      sink.write([late(7, 1_700_000_005), { ...late(1, 1_700_000_015), type: "gauge" }], 0);
      sink.write([late(1, 0), late(1, -5), late(1, 1.5), late(1, NaN)], 0);
      await arrive(2);
      assert.deepEqual(
        listening.messages.map((one) => one.kind === "metric" && [one.type, one.values, one.timestamp]),
        [
          ["count", [7], 1_700_000_005],
          ["gauge", [1], 1_700_000_015],
        ],
      );
      assert.deepEqual(sink.stats().dropped, { invalid_value: 4 });
    });

    it("fills a datagram to the last byte, and never one more", async () => {
      const limit = kind === "udp" ? 1432 : 8192;
      const head = "overlaywatch.e:1|c|T1700000005|#dd.internal.card:none,r:".length;
      const line = (bytes: number) => ({ ...late(1, 1_700_000_005), tags: { r: "x".repeat(bytes - head) } });
      const lines = Math.floor(limit / 121) - 1;
      const rest = limit - lines * 121;
      for (const more of [0, 1]) {
        listening.messages.length = listening.arrivals.length = 0;
        sink.write([...Array.from({ length: lines }, () => line(120)), line(rest + more)], 0);
        await arrive(lines + 1);
        const sizes = new Set(listening.arrivals.map((one) => one.datagramBytes));
        assert.deepEqual([...sizes], more === 0 ? [limit] : [lines * 121 - 1, rest + 1]);
      }
    });

    async function arrive(count: number): Promise<void> {
      await sink.flush();
      await until(() => listening.messages.length >= count, `${count} messages`);
      assert.equal(listening.messages.length, count);
    }
  });
}
