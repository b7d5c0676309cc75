import assert from "node:assert/strict";
import * as fc from "fast-check";
import { catalogue } from "../../../agent/catalogue.ts";
import { encodeLine, type FieldValue, type Point } from "../../../emit/influx/line.ts";
import { influxName, linesOf } from "../../../emit/influx/lines.ts";
import { parseLines } from "./parse-line.ts";

/** Rich in what the protocol gives a meaning to. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom("\\", ",", "=", " ", '"', "#", "\n", "\r", "\t", "\f", "\0", "n", "i"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const value: fc.Arbitrary<FieldValue> = fc.oneof(fc.double(), int64, fc.bigInt(), fc.boolean(), text);
const point: fc.Arbitrary<Point> = fc.record({
  measurement: text,
  tags: fc.dictionary(text, text, { maxKeys: 5 }),
  fields: fc.array(fc.tuple(text, value), { maxLength: 5 }),
  time: int64,
});

describe("emit/influx/line", () => {
  it("writes one line that reads back as the same point, but for what no name can hold", () => {
    let written = 0;
    fc.assert(
      fc.property(point, (one) => {
        const line = encodeLine(one);
        const wanted = surviving(one);
        if (line !== undefined) written += 1;
        assert.deepEqual(line === undefined ? undefined : parseLines(line), wanted && [wanted]);
        assert.doesNotMatch(line ?? "", /[\n\r]/);
      }),
      { numRuns: 3000 },
    );
    assert.ok(written > 500, `only ${written} points could be written`);
  });

  it("never writes a tag key twice", () => {
    const tags = { a: "1", "a\\": "2", "b\n": "3", "b\\n": "4" };
    assert.equal(encodeLine({ measurement: "m", tags, fields: [["f", 1]], time: 0n }), "m,a=1,b\\n=3 f=1 0");
  });

  it("has no two metrics in one field", () => {
    for (const prefix of ["overlaywatch.", "", "a.b."]) {
      const names = catalogue().map(({ name }) => Object.values(influxName(prefix, name)).join(" "));
      assert.equal(new Set(names).size, names.length);
    }
    assert.deepEqual(influxName("overlaywatch.", "net.bytes_rcvd"), {
      measurement: "overlaywatch_net",
      field: "bytes_rcvd",
    });
    assert.deepEqual(influxName("a.b.", "overlay.device.packets_rcvd"), {
      measurement: "a_b_overlay",
      field: "device_packets_rcvd",
    });
    assert.deepEqual(influxName("", "loss"), { measurement: "loss", field: "value" });
  });
});

describe("emit/influx/lines", () => {
  const options = { prefix: "overlaywatch.", tags: { env: "prod", rack: "" } };
  const at = 1_700_000_000_123;

  it("puts all that is known of one set of tags at one moment into one line, counts as integers, gauges as floats", () => {
    const tags = { container_name: "web 1", interface: "eth0" };
    const { lines, invalid } = linesOf(
      [
        { name: "net.bytes_rcvd", type: "count", value: 5, tags },
        { name: "tcp.connections", type: "gauge", value: 3, tags: { ...tags, state: "listen", env: "test" } },
        { name: "net.bytes_sent", type: "count", value: 0, tags: { interface: "eth0", container_name: "web 1" } },
        { name: "probe.rtt", type: "gauge", value: 0.25, tags: {} },
      ],
      at,
      options,
    );
    assert.equal(invalid, 0);
    assert.deepEqual(lines, [
      {
        text: "overlaywatch_net,container_name=web\\ 1,env=prod,interface=eth0 bytes_rcvd=5i,bytes_sent=0i 1700000000123000000\n",
        samples: 2,
      },
      {
        text: "overlaywatch_tcp,container_name=web\\ 1,env=test,interface=eth0,state=listen connections=3 1700000000123000000\n",
        samples: 1,
      },
      { text: "overlaywatch_probe,env=prod rtt=0.25 1700000000123000000\n", samples: 1 },
    ]);
  });

  it("sums what is of one series, and counts what the protocol can not carry", () => {
    const bad = [count(-1), count(0.5), count(2 ** 53), count(Number.NaN), gauge(Number.NaN), gauge(Infinity)];
    const { lines, invalid } = linesOf([count(2), ...bad, count(40), gauge(-0.5), gauge(1)], at, options);
    assert.equal(invalid, bad.length);
    assert.deepEqual(
      lines.map((line) => line.text),
      [
        "overlaywatch_net,env=prod drops_sent=42i 1700000000123000000\n",
        "overlaywatch_probe,env=prod loss=0.5 1700000000123000000\n",
      ],
    );
  });

  it("gives what is told late its own time, apart from the same series of another time", () => {
    const late = [{ ...count(1), at: 1_600_000_005 }, count(2), { ...count(3), at: 1_600_000_015 }];
    const { lines, invalid } = linesOf(
      [...late, { ...count(4), at: 1_600_000_005 }, { ...count(1), at: 0 }],
      at,
      options,
    );
    assert.equal(invalid, 1);
    assert.deepEqual(
      lines.map((line) => line.text),
      [
        "overlaywatch_net,env=prod drops_sent=5i 1600000005000000000\n",
        "overlaywatch_net,env=prod drops_sent=2i 1700000000123000000\n",
        "overlaywatch_net,env=prod drops_sent=3i 1600000015000000000\n",
      ],
    );
  });
});

const count = (amount: number) => ({ name: "net.drops_sent", type: "count", value: amount, tags: {} }) as const;
const gauge = (amount: number) => ({ name: "probe.loss", type: "gauge", value: amount, tags: {} }) as const;

/** What must come back, said in another way than the encoder does it: undefined where no line can be. */
function surviving({ measurement, tags, fields, time }: Point): object | undefined {
  const kept = fields.flatMap(([key, content]) => {
    const read = readable(content);
    return inName(key) === "" || read === undefined ? [] : [[inName(key), read]];
  });
  const name = inName(measurement);
  if (name === "" || name.startsWith("#") || kept.length === 0 || Object.values(tags).includes("")) return undefined;
  const named = Object.keys(tags)
    .sort()
    .map((key) => [inName(key), inName(tags[key]!)] as const)
    .filter(([key, content]) => key !== "" && content !== "")
    .filter(([key], index, all) => all.findIndex(([other]) => other === key) === index);
  return {
    measurement: name,
    tags: named.sort(([a], [b]) => (a < b ? -1 : 1)),
    fields: kept,
    time: String(time),
  };
}

/** A name loses the backslashes at its end and its control characters. */
function inName(raw: string): string {
  let end = raw.length;
  while (raw[end - 1] === "\\") end -= 1;
  const letters: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f" };
  return raw
    .slice(0, end)
    .split("")
    .map((c) => letters[c] ?? (c < " " || (c >= "\u007F" && c < "\u00A0") ? "_" : c))
    .join("");
}

function readable(content: FieldValue): object | undefined {
  if (typeof content === "string") return { string: content };
  if (typeof content === "boolean") return { bool: content };
  if (typeof content === "number") return Number.isFinite(content) ? { float: content === 0 ? 0 : content } : undefined;
  return content >= -(2n ** 63n) && content < 2n ** 63n ? { int: String(content) } : undefined;
}
