import assert from "node:assert/strict";
import {
  array,
  assert as check,
  constant,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  shuffledSubarray,
  tuple,
  uniqueArray,
} from "fast-check";
import { diagnoseCluster } from "../../../overlay/cluster/cluster.ts";
import type { ClusterDiagnosis, ClusterFinding } from "../../../overlay/cluster/finding.ts";
import type { Asked } from "../../../overlay/cluster/machines.ts";
import { cluster, gone, led, macOf, nameOf, silenced, vtepOf, withSpace } from "./made.ts";

const twice = (all: readonly Asked[], before: readonly Asked[] = all) => diagnoseCluster({ now: all, before });
const findingsOf = ({ networks }: ClusterDiagnosis): readonly ClusterFinding[] =>
  networks.flatMap(({ findings }) => findings);
const briefly = (diagnosis: ClusterDiagnosis) =>
  findingsOf(diagnosis).map(({ host: at, class: of, state, mac: its, container }) => [at, of, state, its, container]);

const size = { hosts: 4, containers: 1 } as const;
const driver = constantFrom("classic" as const, "swarm" as const);
const host = integer({ min: 1, max: size.hosts });
const one = integer({ min: 1, max: size.containers });
const dst = constantFrom(undefined, vtepOf(1), vtepOf(2), vtepOf(3), vtepOf(4), "172.31.240.77", "127.0.0.1");
const mac = oneof(
  tuple(host, one).map(([of, n]) => macOf(of, n)),
  constant(gone.mac),
);
/** A `self` row that leads elsewhere or is gone, or a neighbour row that answers otherwise. */
const as = constantFrom(undefined, undefined, gone.mac, macOf(1, 1), macOf(3, 1));
const fault = record({ at: host, mac, dst, as });
const answering = (all: readonly Asked[], at: number, of: string, other: string) =>
  withSpace(all, at, ({ neighbours }) => ({
    neighbours: neighbours.map((row) => (row.mac === of ? { ...row, mac: other } : row)),
  }));
const faulty = record({ driver, faults: array(fault, { maxLength: 6 }) }).map(({ driver: mode, faults }) =>
  faults.reduce<readonly Asked[]>(
    (all, { at, mac: of, dst: to, as: other }) =>
      other === undefined ? led(all, at, of, to) : answering(all, at, of, other),
    cluster({ ...size, driver: mode }),
  ),
);
/** What rests on the word of others; the rest a host shows by itself. */
const against = new Set(["wrong-vtep", "missing-fdb", "orphan-row", "wrong-neighbour"]);
const few = uniqueArray(host, { maxLength: 1 });
const some = uniqueArray(host, { maxLength: size.hosts });

describe("overlay/cluster, for any faults", () => {
  it("says the same in whatever order hosts answer", () => {
    check(
      property(
        faulty,
        shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        some,
        (all, now, before, silent) => {
          const asked = silenced(all, ...silent);
          const ordered = (order: readonly number[]) => order.flatMap((at) => asked[at] ?? []);
          assert.deepEqual(twice(ordered(now), ordered(before)), twice(asked));
        },
      ),
    );
  });

  it("finds against others only what it finds by either telling alone", () => {
    let found = 0;
    check(
      property(faulty, faulty, few, few, constantFrom(true, false), (now, other, quietNow, quietBefore, isSame) => {
        const [second, first] = [silenced(now, ...quietNow), silenced(isSame ? now : other, ...quietBefore)];
        const all = findingsOf(twice(second, first)).filter(({ class: of }) => against.has(of));
        const [whole, before] = [second, first].map(
          (asked) => new Set(briefly(twice(asked)).map((line) => line.join(" "))),
        );
        for (const { host: at, class: is, state, mac: its, container } of all) {
          found++;
          const line = [at, is, state, its, container].join(" ");
          assert.ok(whole?.has(line) === true && before?.has(line) === true, line);
          assert.ok(![...quietNow, ...quietBefore].some((silent) => nameOf(silent) === at), at);
        }
      }),
      { numRuns: 150 },
    );
    assert.ok(found > 20, `${found}`);
  });

  it("finds nothing on a host that did not answer, nothing of its containers, and nothing gone because of it", () => {
    let found = 0;
    check(
      property(faulty, some, (all, silent) => {
        const part = twice(silenced(all, ...silent));
        const whole = new Set(briefly(twice(all)).map((line) => line.join(" ")));
        const names = new Set(silent.map(nameOf));
        for (const finding of findingsOf(part)) {
          found++;
          assert.ok(!names.has(finding.host), finding.host);
          const [, of = ""] = /^c(\d)-/u.exec(finding.container ?? "") ?? [];
          assert.ok(!names.has(nameOf(Number(of))), finding.evidence);
          assert.ok(silent.length === 0 || finding.class !== "orphan-row", finding.evidence);
          // A loop is one by itself; whose MAC it is, is known only with all.
          if (finding.class === "self-loop") continue;
          const { host: at, class: is, state, mac: its, container } = finding;
          assert.ok(whole.has([at, is, state, its, container].join(" ")), JSON.stringify(finding));
        }
        if (silent.length > 0) assert.notEqual(part.verdict, "healthy");
      }),
      { numRuns: 150 },
    );
    assert.ok(found > 20, `${found}`);
  });
});
