import assert from "node:assert/strict";
import { connectOnce } from "../../dispatch/nats/connection.ts";
import { natsServer } from "../dispatch/nats/broker.ts";
import { keyOf, optionsOf } from "../dispatch/nats/fleet.ts";
import { figure, sized } from "./length.ts";
import { attack } from "./malice.ts";
import { type Arrival, type Paged, Storm } from "./storm.ts";

const hosts = Array.from({ length: sized(300, 30) }, (_, n) => `host-${n}.example.com`);
const window = sized(20_000, 2000);
const many = { jobsPerHost: 100, jobsPerFleet: 100_000, windowMs: 900_000, replicas: 1 };
const calm = { breaker_hosts: 100_000 };

describe("accept: storm", function () {
  this.timeout(sized(300_000, 90_000));
  let program = "";
  let storm: Storm;

  before(async function () {
    program = await natsServer(this);
  });
  afterEach(async () => storm.close());

  async function opened(options: Partial<ConstructorParameters<typeof Storm>[0]>): Promise<void> {
    storm = new Storm({ program, hosts, caps: many, broker: calm, ...options });
    await storm.open();
  }

  it(`all of ${hosts.length} hosts page within ${window / 1000} s: each job comes to its own host, once`, async () => {
    await opened({});
    const paged = await storm.pages(hosts, window);
    assert.ok(paged.every(isAccepted), storm.said());
    const came = await storm.arrived(hosts.length);
    assert.deepEqual(pairs(came), pairs(paged));
    tell("all accepted", paged, came, storm);
  });

  it(`the broker's caps hold in such a storm, for each host and for the fleet; the rest is told`, async () => {
    await opened({ caps: { ...many, jobsPerHost: 2, jobsPerFleet: 20 } });
    const [one = "", ...others] = hosts;
    const paged = await storm.pages([one, one, one, one, one, ...others], window);
    assert.deepEqual(new Set(paged.map(({ last }) => last.outcome)), new Set([202]));
    const accepted = paged.filter(isAccepted);
    assert.equal(accepted.length, 20, "the fleet's cap");
    assert.equal(accepted.filter(({ host }) => host === one).length, 2, "the host's cap");
    assert.deepEqual(
      new Set(paged.filter((page) => !isAccepted(page)).map(({ status }) => status)),
      new Set(["rate_limited"]),
    );
    const came = await storm.arrived(20);
    assert.deepEqual(pairs(came), pairs(accepted));
    tell("20 of them accepted", paged, came, storm);
  });

  it("the breaker stops the fleet when many hosts page, and tells people", async () => {
    await opened({ broker: {} });
    const paged = await storm.pages(hosts, window);
    const accepted = paged.filter(isAccepted);
    // More than 10, and more than a fifth; and those that were on their way in that moment.
    const most = Math.max(10, hosts.length / 5);
    assert.ok(
      accepted.length > most && accepted.length <= most + sized(20, 10),
      `${accepted.length} were accepted of ${hosts.length}`,
    );
    const others = new Set(paged.filter((page) => !isAccepted(page)).map(({ status }) => status));
    assert.deepEqual(others, new Set(["paused"]));
    const came = await storm.arrived(accepted.length);
    assert.deepEqual(pairs(came), pairs(accepted));
    assert.match(storm.said(), /hosts asked for healing within/u);
    tell(`the breaker opened after ${accepted.length}`, paged, came, storm);
  });

  it("a host that does all that its credentials let it do does not delay the others' jobs", async () => {
    const [thief = "", victim = "", ...others] = hosts;
    await opened({ without: [thief] });
    const calmly = await storm.pages([victim, ...others], window / 2);
    const before = await storm.arrived(calmly.length);
    const connection = await connectOnce(optionsOf(storm.broker.url, storm.fleet.seeds.of(thief), keyOf(thief)));
    const malice = attack(connection, keyOf(thief), keyOf(victim));
    const own = await storm.pages([thief, thief, thief], 100);
    assert.ok(own.every(isAccepted));
    const paged = await storm.pages([victim, ...others], window / 2);
    const came = await storm.arrived(calmly.length + paged.length);
    const { refused, held, sent } = await malice.end();
    await connection.close();
    assert.ok(refused > 0, "what is not its own is refused");
    assert.ok(held > 0, "it holds its own job back");
    const [calmLate, late] = [delays(calmly, before), delays(paged, came)].map((all) => at(all, 0.99));
    assert.equal(pairs(came).length, calmly.length + paged.length, "once each");
    figure(
      `delivery p99 ${calmLate} ms before and ${late} ms while one host sends ${sent} messages, is refused ${refused} times and holds back ${held} jobs`,
    );
    // On a machine that is busy all is late.
    assert.ok(late !== undefined && calmLate !== undefined && late < 1000 + 3 * calmLate, `${late} ms`);
  });
});

const isAccepted = ({ status }: Paged): boolean => status === "accepted";

const pairs = (all: readonly { readonly host: string; readonly event: string }[]) =>
  all.map(({ host, event }) => `${host} ${event}`).toSorted();

/** Milliseconds from a page's sending to its job at the host, in order. */
function delays(paged: readonly Paged[], came: readonly Arrival[]): readonly number[] {
  const arrived = new Map(came.map(({ event, at: moment }) => [event, moment]));
  const all = paged.flatMap(({ event, last }) => (arrived.get(event) ?? Number.NaN) - last.from);
  return all.filter((ms) => !Number.isNaN(ms)).toSorted((a, b) => a - b);
}

const at = (inOrder: readonly number[], share: number) => inOrder[Math.floor((inOrder.length - 1) * share)];

function tell(what: string, paged: readonly Paged[], came: readonly Arrival[], storm: Storm): void {
  const offers = paged.map(({ last }) => last.to - last.from).toSorted((a, b) => a - b);
  const all = delays(paged, came);
  const { gateway, broker } = storm.memory();
  figure(
    `${paged.length} pages, ${what}: answer p50 ${at(offers, 0.5)} ms, p99 ${at(offers, 0.99)} ms; at the host p50 ${at(all, 0.5)} ms, p99 ${at(all, 0.99)} ms; at most gateway ${gateway} MB, broker ${broker} MB`,
  );
}
