import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type DogstatsdSink, dogstatsdSink } from "../../../emit/dogstatsd/sink.ts";
import { listenBy, newFolder, until } from "./listening.ts";

const NO_ENRICHMENT = "dd.internal.card:none";

for (const kind of ["udp", "uds"] as const) {
  describe(`emit/dogstatsd: events by ${kind}`, () => {
    let folder: ReturnType<typeof newFolder>;
    let listening: Awaited<ReturnType<typeof listenBy>>;
    let sink: DogstatsdSink;

    beforeEach(async () => {
      folder = newFolder();
      listening = await listenBy(kind, folder.path);
      sink = dogstatsdSink({ transport: listening.transport, globalTags: ["env:prod", "canary"] });
    });

    afterEach(async () => {
      await sink.close();
      await listening.receiver.close();
      folder.remove();
    });

    const arrive = async (count: number) => {
      await sink.flush();
      await until(() => listening.messages.length >= count, `${count} messages`);
    };

    it("sends an event, its lines kept, its lengths right whatever is in it, and cut to fit", async () => {
      const key = "cycle|1\nk:x";
      sink.event({ title: "a\nb | é", text: "one|t:x\n\\ntwö 日本", alertType: "warning", aggregationKey: key });
      sink.event({ title: "no text", text: "", alertType: "success", tags: { host: "a", trace: "b,c" } });
      sink.event({ title: "t".repeat(300), text: "line\n".repeat(9_000), alertType: "error" });
      sink.event({ title: " ", text: "x", alertType: "info" });
      await arrive(3);
      const [first, second, third] = listening.messages;
      const known = { kind: "event", priority: "normal" } as const;
      const tags = ["env:prod", "canary", NO_ENRICHMENT];
      assert.deepEqual(first, {
        ...known,
        title: "a b | e",
        text: "one|t:x\n/ntwo ?",
        alert_type: "warning",
        tags,
        aggregation_key: "cycle_1_k:x",
      });
      const told = { title: "no text", text: "no text", alert_type: "success" };
      assert.deepEqual(second, { ...known, ...told, tags: [...tags, "host:a", "trace:b_c"] });
      assert.ok(third?.kind === "event" && /^t{100}$/.test(third.title) && third.alert_type === "error");
      assert.match(third.text, /^(?:line\n){200,}(?:l?|li|lin|line)$/);
      assert.ok(listening.receiver.stats()[kind].largestDatagram <= (kind === "udp" ? 1432 : 8192));
      assert.deepEqual(sink.stats(), { samples: 3, dropped: { invalid_name: 1 } });
    });

    it("lets no text of an event out of its field", async () => {
      const words = fc.string({ unit: "binary", maxLength: 3000 });
      await fc.assert(
        fc.asyncProperty(words, words, words, async (title, text, aggregationKey) => {
          listening.messages.length = 0;
          const event = { title: `t${title}`, text, alertType: "info", aggregationKey, tags: { a: "b" } } as const;
          sink.event(event);
          await arrive(1);
          const [sent] = listening.messages;
          assert.ok(sent?.kind === "event" && sent.alert_type === "info" && sent.tags.at(-1) === "a:b");
          assert.equal(listening.receiver.stats()[kind].invalidLines, 0);
        }),
        { numRuns: 30 },
      );
    });
  });
}
