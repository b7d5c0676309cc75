import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { bytes, consoleSink } from "../../../emit/console/sink.ts";
import { widthOf } from "../../../emit/console/width.ts";
import type { Sample } from "../../../emit/sample.ts";

const count = (container: string, name: string, value: number): Sample => ({
  name,
  type: "count",
  value,
  tags: { container_name: container, docker_network: "n", interface: "eth0" },
});

function screen(terminal: boolean, rows = 24, columns = 200) {
  const out = new PassThrough();
  const sink = consoleSink({ out, terminal, size: () => ({ rows, columns }), title: "test" });
  return { sink, shown: () => String(out.read() ?? "") };
}

describe("emit/console/sink", () => {
  it("shows nothing of the first batch, and the rates since then of the next", () => {
    const { sink, shown } = screen(false);
    sink.write([count("a", "net.bytes_rcvd", 99)], 0);
    assert.equal(shown(), "");
    sink.write([count("a", "net.bytes_rcvd", 5000), count("b", "net.drops_rcvd", 10)], 5000);
    const [title, empty, head, first, second] = shown().split("\n");
    assert.equal(title, "test  00:00:05 UTC  2 containers, 2 interfaces, in 1.0 kB/s, out 0 B/s, 2.0 drops/s");
    assert.equal(empty, "");
    assert.match(head ?? "", /^CONTAINER +NETWORK +IF +IN\/s +OUT\/s/);
    assert.match(first ?? "", /^a +n +eth0 +1\.0 kB +0 B/);
    assert.match(second ?? "", /^b .* 2\.0 +0$/);
    assert.deepEqual(sink.stats(), { samples: 3, dropped: {} });
  });

  it("shows other metrics nowhere", () => {
    const { sink, shown } = screen(false);
    for (const at of [0, 1000]) sink.write([count("a", "tcp.retrans_segs", 1)], at);
    assert.equal(shown(), "");
  });

  it("prints an event as a line, and keeps the last one above the table", () => {
    const { sink, shown } = screen(false);
    sink.event?.({ title: "web1", text: "is\nhealed\u001B[2J", alertType: "success" });
    assert.equal(shown(), "success: web1: is?healed\n");
    sink.show([count("a", "net.bytes_rcvd", 1)], 1, 0);
    assert.equal(shown().split("\n")[1], "success: web1: is?healed");
  });

  it("redraws in place on a terminal, drops in red and idle lines dimmed", () => {
    const { sink, shown } = screen(true);
    sink.show(
      [count("a", "net.bytes_rcvd", 10), count("a", "net.drops_rcvd", 1), count("b", "net.bytes_rcvd", 0)],
      1,
      0,
    );
    const text = shown();
    assert.ok(text.startsWith("\u001B[H") && text.endsWith("\u001B[K\u001B[J"));
    assert.ok(text.includes("\u001B[31m    1.0\u001B[39m"), "drops");
    assert.ok(text.includes("\u001B[2mb        \u001B[22m"), "idle");
  });

  it("fits the terminal, with colours and wide names, and says what it left out", () => {
    const { sink, shown } = screen(true, 8, 40);
    // Idle, so that each cell has a colour of its own, and the cut falls behind cells with wide characters.
    const names = Array.from({ length: 20 }, (_, i) => `${"\u7F51".repeat(i < 10 ? 8 : 30)}-${i}`);
    sink.show(
      names.map((name) => count(name, "net.bytes_rcvd", 0)),
      1,
      0,
    );
    const lines = stripVTControlCharacters(shown()).split("\n");
    assert.equal(lines.length, 7);
    assert.deepEqual(
      lines.filter((line) => widthOf(line) > 40),
      [],
    );
    // A heading, an empty line, the columns' titles and three rows are there.
    assert.equal(lines.at(-1), "... and 17 more");
    const few = screen(true, 8, 40);
    few.sink.show(
      names.slice(0, 2).map((name) => count(name, "net.bytes_rcvd", 0)),
      1,
      0,
    );
    const widths = stripVTControlCharacters(few.shown())
      .split("\n")
      .slice(2)
      .map((line) => widthOf(line));
    assert.deepEqual(widths, [40, 40, 40]);
  });

  it("writes amounts with three figures at least and a unit", () => {
    const written = [0, 0.4, 999, 999.6, 1000, 1234, 999_949, 999_950, 1e6, 1.5e9, 2e12, 5e15, -3].map((value) =>
      bytes(value),
    );
    assert.deepEqual(written, [
      "0 B",
      "0 B",
      "999 B",
      "1.0 kB",
      "1.0 kB",
      "1.2 kB",
      "999.9 kB",
      "1.0 MB",
      "1.0 MB",
      "1.5 GB",
      "2.0 TB",
      "5000.0 TB",
      "-3 B",
    ]);
  });
});
