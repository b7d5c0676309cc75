import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { interruptsOf } from "../../agent/interrupts.ts";

describe("agent/interrupts", () => {
  let codes: number[];
  let terminal: EventEmitter;
  const interrupts = () => {
    [codes, terminal] = [[], new EventEmitter()];
    return interruptsOf({
      on: (name, listener) => terminal.on(name, listener),
      exit: (code) => codes.push(code),
    });
  };

  it("aborts at the first of either signal, and ends the process at the second", () => {
    for (const [one, two] of [
      ["SIGINT", "SIGINT"],
      ["SIGTERM", "SIGINT"],
      ["SIGINT", "SIGTERM"],
    ] as const) {
      const { signal } = interrupts();
      assert.equal(signal.aborted, false);
      terminal.emit(one);
      assert.deepEqual([signal.aborted, codes], [true, []]);
      terminal.emit(two);
      assert.deepEqual(codes, [130]);
    }
  });

  it("ends it at none, however many come, where that is outlasted", () => {
    const { signal, outlast } = interrupts();
    outlast();
    for (const one of ["SIGINT", "SIGTERM", "SIGINT"]) terminal.emit(one);
    assert.deepEqual([signal.aborted, codes], [true, []]);
  });
});
