"use strict";
// mocha loads a reporter by require(): the one file here that is not TypeScript.
const { reporters, Runner } = require("mocha");

/**
 * mocha's `spec`, each try that failed and was made again, and the one line that CI reads: `N passed, N failed[, N skipped]`.
 * In a lane (`test/lanes`) what is to be said at the end stands behind an ASCII separator, and is no more than what went wrong.
 */
module.exports = class Reporter extends reporters.Spec {
  /**
   * @param {import("mocha").Runner} runner
   * @param {import("mocha").MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    /** @type {string[]} */
    this.again = [];
    this.inLane = options.reporterOptions?.lane === true;
    runner.on(
      Runner.constants.EVENT_TEST_RETRY,
      /** @type {(test: import("mocha").Test, error: Error) => void} */ (test, error) => {
        this.again.push(`${test.fullTitle()}\n    ${error.stack ?? error.message}`);
      },
    );
  }

  epilogue() {
    const { passes, failures, pending } = this.stats;
    const print = reporters.Base.consoleLog;
    if (this.inLane) print("\u001D");
    if (!this.inLane || failures > 0) super.epilogue();
    if (this.again.length > 0) print(`${this.again.length} tried again:\n  ${this.again.join("\n  ")}\n`);
    if (!this.inLane) print(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
  }
};
