"use strict";
// mocha loads a reporter by require(): the one file here that is not TypeScript.
const { reporters, Runner } = require("mocha");

/** mocha's `spec`, each try that failed and was made again, and the one line that CI reads: `N passed, N failed[, N skipped]`. */
module.exports = class Reporter extends reporters.Spec {
  /**
   * @param {import("mocha").Runner} runner
   * @param {import("mocha").MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    /** @type {string[]} */
    this.again = [];
    runner.on(
      Runner.constants.EVENT_TEST_RETRY,
      /** @type {(test: import("mocha").Test, error: Error) => void} */ (test, error) => {
        this.again.push(`${test.fullTitle()}\n    ${error.stack ?? error.message}`);
      },
    );
  }

  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    const print = reporters.Base.consoleLog;
    if (this.again.length > 0) print(`${this.again.length} tried again:\n  ${this.again.join("\n  ")}\n`);
    print(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
  }
};
