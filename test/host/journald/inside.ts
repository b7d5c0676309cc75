import { ownJournald } from "./own-journald.ts";
import { engineLogScenarios } from "./engine-log-scenarios.ts";
import { scenarios } from "./scenarios.ts";

/** Run by `journald.test.ts` in a mount namespace: one scenario, with a journald of its own. */
const name = process.argv[2] ?? "";
const scenario = { ...scenarios, ...engineLogScenarios }[name];
if (scenario === undefined) throw new Error(`no scenario: ${name}`);
const figure = await scenario(await ownJournald());
if (figure !== undefined) process.stdout.write(figure);
process.exit(0);
