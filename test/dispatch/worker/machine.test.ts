import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Heard } from "../../../dispatch/worker/ask-helper.ts";
import {
  accepted,
  approved,
  begun,
  due,
  expired,
  heard,
  rechecked,
  restarted,
  type Rules,
  verbFor,
  wakeAt,
  withdrawn,
} from "../../../dispatch/worker/machine.ts";
import { isEnd, isOver, type JobRecord } from "../../../dispatch/worker/record.ts";
import { done, jobOf, recordOf, refusedBy } from "./made.ts";

const [second, minute] = [1000, 60_000];
const now = 1_800_000_000_000;
const rules = (mode: Rules["mode"], proved = true): Rules => {
  return { mode, proved, approveWithin: 60 * minute, rechecks: [30 * second, 5 * minute] };
};

/** What comes of an answer, at once. */
function after(mode: Rules["mode"], answer: Heard, record = recordOf("a", now), at = now): JobRecord {
  const all = rules(mode);
  return heard(begun(record, verbFor(record, all, at), at), answer, all, at);
}

const of = (monitor: string, cycle: string) => {
  return { v: 1, trace: "0".repeat(32), host: "web-1.example", monitor, cycle } as const;
};

describe("dispatch/worker/machine", () => {
  it("asks to heal only in auto, of a host that is proved or asks by itself, or what a person approved", () => {
    const page = recordOf("a", now);
    const own = accepted(jobOf("a", now, { own: true }), now);
    assert.equal(verbFor(page, rules("observe"), now), "look");
    assert.equal(verbFor(own, rules("observe"), now), "look");
    assert.equal(verbFor(page, rules("approve"), now), "look");
    assert.equal(verbFor(page, rules("auto"), now), "heal");
    assert.equal(verbFor(page, rules("auto", false), now), "look");
    assert.equal(verbFor(own, rules("auto", false), now), "heal");
    const waits = after("approve", done("planned"));
    const ordered = approved(waits, "ann", now);
    assert.ok(ordered !== undefined && verbFor(ordered, rules("approve"), now) === "heal");
    assert.equal(verbFor(ordered, rules("approve"), ordered.until + 1), "look", "never after its time");
  });

  it("comes to the end that each answer means", () => {
    const ends: readonly (readonly [Rules["mode"], Heard, JobRecord["state"]])[] = [
      ["observe", done("nothing"), "healthy"],
      ["observe", done("planned"), "observed"],
      ["observe", done("ambiguous"), "escalated"],
      ["observe", refusedBy("pause"), "refused"],
      ["approve", done("nothing"), "healthy"],
      ["approve", done("planned"), "approval"],
      ["auto", done("nothing"), "healthy"],
      ["auto", done("cured"), "healed"],
      ["auto", done("planned"), "escalated"],
      ["auto", done("ambiguous"), "escalated"],
      ["auto", done("undone"), "escalated"],
      ["auto", done("failed"), "escalated"],
      ["auto", done("locked"), "waiting"],
      ["auto", done("unavailable"), "waiting"],
      ["auto", refusedBy("kill-switch"), "refused"],
      ["auto", refusedBy("settings"), "refused"],
      ["auto", refusedBy("cooldown"), "waiting"],
      ["auto", { kind: "busy", why: "too many at once" }, "waiting"],
      ["auto", { kind: "nothing", why: "no answer" }, "waiting"],
    ];
    for (const [mode, answer, state] of ends)
      assert.equal(after(mode, answer).state, state, `${mode} ${JSON.stringify(answer).slice(0, 60)}`);
  });

  it("says what was done, what was lost before and after, and how to take it back or approve it", () => {
    assert.match(
      after("auto", done("cured")).message,
      /1 changes were made for web by pin; loss 100 % before, 0 % after; to undo it: overlaywatch undo \/state/u,
    );
    const waits = after("approve", done("planned"));
    assert.match(waits.message, /would be made for web by pin; to have it done: overlaywatch approve [0-9a-f]{12}$/u);
    assert.match(waits.plan?.[0] ?? "", /^nsenter --net=\S+ bridge fdb replace/u);
  });

  it("tries a busy one after 1, 2, 5, 5... s until its time is over, and then a person is told", () => {
    let record = accepted(jobOf("a", now, { notAfter: now + 12 * second }), now);
    const pauses: number[] = [];
    for (let at = now; record.state === "waiting"; at = record.next) {
      record = after("auto", done("locked"), record, at);
      if (record.state === "waiting") pauses.push(record.next - at);
    }
    assert.deepEqual(pauses, [1000, 2000, 5000]);
    assert.equal(record.state, "escalated");
    assert.match(record.message, /not done in its time: locked/u);
  });

  it("asks a helper that gives no answer three times more, then a person is told", () => {
    let [record, asked] = [recordOf("a", now), 0];
    for (let at = now; record.state === "waiting"; at = record.next) {
      record = after("auto", { kind: "nothing", why: "a stranger" }, record, at);
      asked++;
    }
    assert.equal(asked, 4);
    assert.match(record.message, /asked 4 times, and not answered: a stranger/u);
  });

  it("waits for a refusal that ends by itself, where that is in time; one that a person set ends it at once", () => {
    const waits = after("auto", refusedBy("cooldown"));
    assert.equal(waits.next, now + 10 * second);
    const late = accepted(jobOf("a", now, { notAfter: now + 5 * second }), now);
    assert.equal(after("auto", refusedBy("cooldown"), late).state, "refused");
    const both = done("refused", {
      refused: [
        { rule: "cooldown", sentence: "" },
        { rule: "pause", sentence: "" },
      ],
    });
    assert.equal(after("auto", both).state, "refused");
  });

  it("looks twice after a cure: nothing is good, a fault means that it came back", () => {
    const healed = after("auto", done("cured"));
    assert.deepEqual(
      healed.rechecks.map(({ due: at }) => at - now),
      [30 * second, 5 * minute],
    );
    assert.deepEqual(due([healed], now + 29 * second), []);
    assert.deepEqual(due([healed], now + 30 * second), [{ id: healed.job.id, recheck: 0 }]);
    const once = rechecked(healed, 0, done("nothing"), now + 30 * second);
    assert.ok(once.state === "healed" && !isOver(once));
    assert.deepEqual(due([once], now + 5 * minute), [{ id: healed.job.id, recheck: 1 }]);
    assert.ok(isOver(rechecked(once, 1, done("nothing"), now + 5 * minute)));
    for (const answer of [done("planned"), done("ambiguous"), refusedBy("cooldown"), refusedBy("breaker")]) {
      const back = rechecked(healed, 0, answer, now + 30 * second);
      assert.ok(back.state === "escalated" && isOver(back) && /it came back/u.test(back.message));
    }
    assert.equal(rechecked(healed, 0, refusedBy("pause"), now).rechecks[0]?.found?.startsWith("not judged"), true);
    assert.equal(rechecked(healed, 0, { kind: "nothing", why: "x" }, now).rechecks[0]?.due, now + second);
  });

  it("is taken back only where it has not begun, and by the alert that it is of", () => {
    const record = recordOf("a", now);
    assert.equal(withdrawn(record, of("12", "cycle a"), now)?.state, "cancelled");
    assert.equal(withdrawn(after("approve", done("planned")), of("12", "cycle a"), now)?.state, "cancelled");
    assert.equal(withdrawn(record, of("12", "cycle b"), now), undefined);
    assert.equal(withdrawn(record, of("13", "cycle a"), now), undefined);
    assert.equal(withdrawn(after("observe", done("nothing")), of("12", "cycle a"), now), undefined);
    const inMidst = withdrawn(begun(record, "look", now), of("12", "cycle a"), now);
    assert.ok(inMidst?.state === "working");
    assert.equal(heard(inMidst, done("planned"), rules("approve"), now).state, "cancelled");
    assert.equal(heard(inMidst, done("locked"), rules("auto"), now).state, "cancelled");
    assert.equal(heard(inMidst, done("cured"), rules("auto"), now).state, "healed");
    assert.equal(withdrawn(accepted(jobOf("a", now, { own: true }), now), of("12", "cycle a"), now), undefined);
  });

  it("expires where nothing began in its time, or nobody approved it", () => {
    const record = recordOf("a", now);
    assert.equal(expired(record, record.until), undefined);
    assert.equal(expired(record, record.until + 1)?.state, "expired");
    const waits = after("approve", done("planned"));
    assert.equal(expired(waits, now + 60 * minute), undefined);
    assert.equal(expired(waits, now + 60 * minute + 1)?.state, "expired");
    assert.equal(approved(record, "ann", now), undefined, "nothing is approved that nobody has looked at");
  });

  it("judges afresh what a death interrupted: after its time it looks only", () => {
    const dead = begun(recordOf("a", now), "heal", now);
    const again = restarted(dead, now + second);
    assert.ok(again.state === "waiting" && again.interrupted === 1);
    assert.match(after("auto", done("nothing"), again).message, /^interrupted, and judged afresh: /u);
    const late = again.until + minute;
    assert.equal(expired(again, late), undefined, "it had begun");
    assert.equal(verbFor(again, rules("auto"), late), "look");
    assert.equal(after("auto", done("nothing"), again, late).state, "healthy");
    assert.equal(after("auto", done("planned"), again, late).state, "escalated");
    for (const state of ["waiting", "approval", "healed"] as const)
      assert.equal(restarted({ ...dead, state }, now).state, state);
  });

  it("asks first for what waits longest, and for looks after cures when nothing else waits", () => {
    const healed = after("auto", done("cured"), recordOf("healed", now));
    const [first, other] = [recordOf("first", now + 1), recordOf("second", now + 2)];
    const order = due([healed, other, first], now + minute).map(({ id }) => id);
    assert.deepEqual(
      order,
      [first, other, healed].map(({ job }) => job.id),
    );
  });

  it("is held up by no clock that is set back", () => {
    const waits = after("auto", done("locked"));
    assert.equal(due([waits], now - 60 * minute).length, 1);
    assert.equal(due([after("auto", done("cured"))], now - 60 * minute).length, 1);
  });

  const answers = fc.oneof(
    fc
      .constantFrom(
        ...(["nothing", "cured", "planned", "undone", "failed", "ambiguous", "unavailable", "locked"] as const),
      )
      .map((outcome) => done(outcome)),
    fc.constantFrom("cooldown", "pause", "now", "breaker", "settled-engine").map(refusedBy),
    fc.constantFrom<Heard>({ kind: "busy", why: "b" }, { kind: "nothing", why: "n" }),
  );
  const steps = fc.array(
    fc.record({
      answer: answers,
      dies: fc.boolean(),
      approves: fc.boolean(),
      withdraws: fc.integer({ min: 0, max: 9 }),
      /** A clock may jump, both ways. */
      jump: fc.integer({ min: -7_200_000, max: 7_200_000 }),
    }),
    { maxLength: 30 },
  );

  it("brings every job to an end, whatever is answered, whoever dies and wherever the clock jumps", () => {
    const modes = fc.constantFrom("observe", "approve", "auto");
    fc.assert(
      fc.property(modes, fc.boolean(), steps, (mode: Rules["mode"], proved, all) => {
        const life = new Life(rules(mode, proved));
        for (const step of all) if (!isOver(life.record)) life.step(step);
        life.toEnd();
        assert.ok(isEnd(life.record.state));
        if (mode === "observe") assert.equal(life.heals, 0);
      }),
      { numRuns: 500 },
    );
  });
});

interface Step {
  readonly answer: Heard;
  readonly dies: boolean;
  readonly approves: boolean;
  readonly withdraws: number;
  readonly jump: number;
}

/** One job, as the worker would have it go on. */
class Life {
  record = recordOf("a", now);
  heals = 0;
  readonly #rules: Rules;
  #clock = now;

  constructor(given: Rules) {
    this.#rules = given;
  }

  step({ answer, dies, approves, withdraws, jump }: Step): void {
    this.#clock += jump;
    this.#expire();
    if (approves) this.record = approved(this.record, "ann", this.#clock) ?? this.record;
    if (withdraws === 0) this.record = withdrawn(this.record, of("12", "cycle a"), this.#clock) ?? this.record;
    if (dies && this.record.state === "waiting") this.record = restarted(this.#begun(), this.#clock);
    else this.#turn(answer);
  }

  /** From here on the clock only goes on, and the helper does not answer. */
  toEnd(): void {
    for (let n = 0; !isOver(this.record); n++) {
      assert.ok(n < 100, `no end in sight: ${JSON.stringify(this.record)}`);
      const wake = wakeAt([this.record]);
      assert.ok(Number.isFinite(wake), "something is still to come");
      this.#clock = Math.max(this.#clock, wake);
      this.#expire();
      this.#turn({ kind: "nothing", why: "gone" });
    }
  }

  #expire(): void {
    this.record = expired(this.record, this.#clock) ?? this.record;
  }

  #begun(): JobRecord {
    const verb = verbFor(this.record, this.#rules, this.#clock);
    if (verb === "heal") this.heals++;
    assert.ok(verb === "look" || this.#rules.mode === "auto" || this.record.approvedBy !== undefined);
    return begun(this.record, verb, this.#clock);
  }

  #turn(answer: Heard): void {
    const [turn] = due([this.record], this.#clock);
    if (turn === undefined) return;
    this.record =
      turn.recheck === undefined
        ? heard(this.#begun(), answer, this.#rules, this.#clock)
        : rechecked(this.record, turn.recheck, answer, this.#clock);
  }
}
