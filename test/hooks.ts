import type { Context } from "mocha";
import { isFull } from "./accept/length.ts";

/** Suites that run real engines, journald, kernel namespaces or processes; nothing that tries cases at random. */
const onRealThings = [
  /^accept:|^lab,|^overlay in a |^overlay\/remedy: acting|^run --sink/u,
  /^agent\/(?:doctor in|doctor, on|main)|^pipelines\/(?:follow,|record,|record\/recorder)/u,
  /^host\/(?:journald, with|sockets[,:] |netns)|^collectors\/(?:tcp|overlay)$/u,
];

// mocha 12 says nothing of a rejection that nobody handles: it fails the test that runs.
process.on("unhandledRejection", (reason) => {
  throw reason;
});

/**
 * Root hooks. On real engines an outage may end by itself, or a container start a second late, with nothing of ours at
 * fault: in the short form what runs on real things is tried up to three times, and the reporter tells each try that
 * failed. The full form has one try.
 */
export const mochaHooks = {
  beforeEach(this: Context): void {
    const test = this.currentTest;
    const suite = test?.titlePath()[0] ?? "";
    if (!isFull() && onRealThings.some((pattern) => pattern.test(suite))) test?.retries(2);
  },
};
