import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { influxSink } from "../../../emit/influx/sink.ts";
import type { Sample } from "../../../emit/sample.ts";
import { until } from "../../host/until.ts";
import { parseLines } from "./parse-line.ts";

/** One cycle of so many containers, two samples each. */
function cycle(containers: number): Sample[] {
  return Array.from({ length: containers }, (_, n) => n).flatMap((n) =>
    (["net.bytes_rcvd", "net.bytes_sent"] as const).map((name): Sample => ({
      name,
      type: "count",
      value: n,
      tags: { container_name: `c${n}` },
    })),
  );
}

describe("emit/influx/sink", () => {
  it("writes whole lines and counts the samples that were taken", async () => {
    const out = new PassThrough();
    const sink = influxSink({ out, prefix: "ow.", globalTags: { env: "prod" } });
    sink.write(cycle(2), 1000);
    sink.write([], 2000);
    sink.write([{ name: "tcp.connections", type: "gauge", value: Number.NaN, tags: {} }], 3000);
    sink.write(cycle(1), 4000);
    await sink.flush();
    assert.equal(
      String(out.read()),
      "ow_net,container_name=c0,env=prod bytes_rcvd=0i,bytes_sent=0i 1000000000\n" +
        "ow_net,container_name=c1,env=prod bytes_rcvd=1i,bytes_sent=1i 1000000000\n" +
        "ow_net,container_name=c0,env=prod bytes_rcvd=0i,bytes_sent=0i 4000000000\n",
    );
    assert.deepEqual(sink.stats(), { samples: 6, dropped: { invalid_value: 1 } });
    await sink.close();
    sink.write(cycle(1), 5000);
    assert.deepEqual(sink.stats().dropped, { invalid_value: 1, closed: 2 });
    assert.equal(out.read(), null);
  });

  it("keeps a bounded queue for a reader that does not read, loses whole lines only, and goes on when it reads", async () => {
    const { out, read, got } = stalling();
    const sink = influxSink({ out, maxPending: 10_000 });
    for (let at = 1; at <= 1000; at += 1) {
      sink.write(cycle(10), at);
      assert.ok(out.writableLength <= 10_000, `${out.writableLength} bytes wait`);
    }
    const { samples, dropped, lastError } = sink.stats();
    assert.equal(samples, 0);
    assert.match(lastError ?? "", /stdout is not read/);
    const waiting = 20_000 - dropped["queue_full"]!;
    assert.ok(out.writableLength > 9000 && waiting > 200, `${waiting} samples wait`);
    read();
    await sink.flush();
    sink.write(cycle(1), 1001);
    await sink.flush();
    assert.deepEqual(sink.stats(), { samples: waiting + 2, dropped: { queue_full: 20_000 - waiting } });
    const points = parseLines(got());
    assert.equal(points.length * 2, waiting + 2);
    assert.equal(points.at(-1)?.time, "1001000000");
  });

  it("says once that the reader is gone, and counts what is lost by it", async () => {
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error("write EPIPE")) });
    const gone: string[] = [];
    const sink = influxSink({ out: failing, onGone: (error) => gone.push(error.message) });
    sink.write(cycle(3), 1);
    await until("the sink knows", () => gone.length > 0);
    sink.write(cycle(2), 2);
    // As process.stdout does: it can not be destroyed, and fails anew at each write.
    failing.emit("error", new Error("write EPIPE"));
    await sink.close();
    assert.deepEqual(gone, ["write EPIPE"]);
    const { samples, dropped, lastError } = sink.stats();
    assert.deepEqual([samples, dropped], [0, { transport: 6, closed: 4 }]);
    assert.match(lastError ?? "", /write EPIPE/);
  });
});

interface Stalling {
  readonly out: Writable;
  /** From now on it reads. */
  readonly read: () => void;
  readonly got: () => string;
}

function stalling(): Stalling {
  let [text, reading] = ["", false];
  let waiting: (() => void) | undefined;
  const out = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      if (reading) done();
      else waiting = done;
    },
  });
  const read = () => {
    reading = true;
    waiting?.();
  };
  return { out, read, got: () => text };
}
