import assert from "node:assert/strict";
import type { LabHost } from "../../lab/host.ts";
import { until } from "../../lab/process.ts";
import { parseLines, type ParsedPoint } from "../emit/influx/parse-line.ts";
import { useLab } from "../lab/fixture.ts";
import { Delivered, everySecond } from "./delivered.ts";
import { figure, sized } from "./length.ts";
import { endAll, onHost, type Program } from "./program.ts";

const rounds = sized(60, 5);
const names = ["interfaces", "netstat", "overlay", "tcp"] as const;

describe("accept: telegraf's side, every collector on", function () {
  this.timeout(sized(240_000, 60_000));
  const lab = useLab();
  let host: LabHost;

  before("traffic", async () => {
    host = lab().host(1);
    await lab().startTraffic();
  });
  after("traffic", () => {
    endAll();
    lab().stopTraffic();
  });

  it(`signal none, ${rounds} s: nothing but lines, and in them what DogStatsD delivers at the same time, off by 0`, async () => {
    const delivered = await Delivered.open(lab());
    const sinks = ["--sink", "influx", "--sink", "dogstatsd"];
    // Where rows could do harm, the overlay's tables are watched for a second: more often than that it can not come due.
    const settings = { ...delivered.settings, OVERLAYWATCH_COLLECTORS_OVERLAY_INTERVAL: "10s" };
    const agent = onHost(host, ["run", ...names, ...sinks, "--state-dir", lab().shared], settings);
    await delivered.next(rounds * (names.length - 1), rounds * 1_500 + 10_000);
    const { code } = await agent.stop();
    await delivered.close();
    assert.equal(code, 0);
    assert.equal(agent.err(), "");
    const points = whole(agent);
    const summed = sumsOfPoints(points);
    assert.deepEqual(summed, sumsOfDelivered(delivered));
    for (const measurement of ["net", "tcp", "agent"]) {
      const found = points.filter((point) => point.measurement === `overlaywatch_${measurement}`);
      assert.ok(found.length > 0, measurement);
    }
    const lines = agent.out().trimEnd().split("\n").length;
    assert.equal(points.length, lines);
    figure(`signal none: ${lines} lines parse, ${summed.size} series, each sum as delivered by DogStatsD`);
  });

  it(`signal STDIN: one collection of every collector for each of ${rounds} newlines, none before, none between, and the end with stdin`, async () => {
    const settings = { ...everySecond, OVERLAYWATCH_TAGS_GLOBAL: 'env:a b,c:d=e\\,"' };
    const args = ["run", ...names, "--sink", "influx", "--on-stdin", "--state-dir", lab().shared];
    const agent = onHost(host, args, settings, { stdin: "pipe" });
    const answers = () => agent.out().match(/^overlaywatch_agent,.*outcome=ok.* collect_outcome=1i \d+$/gm) ?? [];
    const { stdin } = agent.child;
    assert.ok(stdin);
    for (let round = 1; round <= rounds; round++) {
      const before = answers().length;
      await quiet(agent);
      assert.equal(answers().length, before, "none that was not asked for");
      stdin.write("\n");
      const late = () => new Error(`newline ${round}: ${answers().length} answers: ${agent.err()}`);
      await until(() => answers().length >= round * names.length || undefined, 10_000, late);
    }
    stdin.end();
    assert.equal(await agent.ended, 0, agent.err());
    assert.equal(agent.err(), "");
    const points = whole(agent);
    for (const collector of names) {
      const mine = points.filter(({ tags }) => tags.some(([key, value]) => key === "collector" && value === collector));
      const outcomes = mine.filter(({ fields }) => fields.some(([field]) => field === "collect_outcome"));
      assert.equal(outcomes.length, rounds, collector);
    }
    for (const { tags } of points) assert.equal(Object.fromEntries(tags)["env"], "a b");
    figure(
      `signal STDIN: ${rounds} newlines, ${rounds} collections of each of ${names.join(" ")}, ${points.length} lines parse`,
    );
  });
});

/** Every byte of stdout, by the strict rules; every line ends, none is empty. */
function whole(agent: Program): readonly ParsedPoint[] {
  const text = agent.out();
  assert.match(text, /^(?:[^\n]+\n)+$/);
  const points = parseLines(text);
  for (const { measurement, time } of points) {
    assert.match(measurement, /^overlaywatch_[a-z]+$/);
    const seconds = Number(BigInt(time) / 1_000_000_000n);
    assert.ok(Math.abs(seconds - Date.now() / 1000) < 3_600, `${time} is no time of today in nanoseconds`);
  }
  return points;
}

/** More than its own schedule would leave without a run. */
async function quiet(agent: Program): Promise<void> {
  const said = agent.out();
  await new Promise((resolve) => void setTimeout(resolve, 300));
  assert.equal(agent.out(), said);
}

type Sums = ReadonlyMap<string, number>;

/** `measurement_field` and tags -> sum of all values. Durations are no whole numbers: compared to nanoseconds. */
function sumsOfPoints(points: readonly ParsedPoint[]): Sums {
  return add(
    points.flatMap(({ measurement, tags, fields }) =>
      fields.map(([field, value]): [string, number] => [
        `${measurement}_${field} ${JSON.stringify(tags)}`,
        "int" in value ? Number(value.int) : "float" in value ? value.float : Number.NaN,
      ]),
    ),
  );
}

function sumsOfDelivered({ arrived }: Delivered): Sums {
  return add(
    arrived.map(({ name, tags, value }): [string, number] => {
      const { "dd.internal.card": _, ...rest } = tags;
      const sorted = Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1));
      return [`overlaywatch_${name.replaceAll(".", "_")} ${JSON.stringify(sorted)}`, value];
    }),
  );
}

function add(values: readonly (readonly [string, number])[]): Sums {
  const sums = new Map<string, number>();
  for (const [key, value] of values) sums.set(key, (sums.get(key) ?? 0) + value);
  return new Map([...sums].map(([key, sum]) => [key, Math.round(sum * 1e9) / 1e9] as const));
}
