"use strict";
// mocha loads a reporter by require(): the one file here that is not TypeScript.
const { reporters } = require("mocha");

/** mocha's `spec`, and the one line that CI reads: `N passed, N failed[, N skipped]`. */
module.exports = class Reporter extends reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    reporters.Base.consoleLog(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
  }
};
