import type { Context } from "mocha";
import { isFull } from "./accept/length.ts";

/**
 * Root hooks. On real engines an outage may end by itself, or a container start a second late, with nothing of ours at
 * fault: in the short form what is tried in a lab has a second try, which the reporter tells. The full form has none.
 */
export const mochaHooks = {
  beforeEach(this: Context): void {
    const test = this.currentTest;
    if (!isFull() && test !== undefined && /^(?:accept:|lab,)/u.test(test.titlePath()[0] ?? "")) test.retries(1);
  },
};
