// One lane of `npm test`: runs the test files that it is sent, one after the other, in this one process, so that they
// share its labs; what a lab leaves running ends with the process.
import { resolve } from "node:path";
import Mocha from "mocha";
import { z } from "zod";
import { contentOf } from "../contract/repository.ts";
import { mochaHooks } from "../hooks.ts";
import { type Counts, endOf } from "./outcome.ts";

const { reporter, timeout } = z
  .looseObject({ reporter: z.string(), timeout: z.number() })
  .parse(JSON.parse(contentOf(".mocharc.json")));

// An empty name, or the end of who sends them, is the end.
process.on("message", (file) => void tell(z.string().parse(file)));
process.once("disconnect", () => process.exit());

async function tell(file: string): Promise<void> {
  if (file === "") process.exit();
  process.stdout.write(endOf(await outcomeOf(file)));
}

async function outcomeOf(file: string): Promise<Counts> {
  const mocha = new Mocha({
    reporter,
    timeout,
    reporterOptions: { lane: true },
    rootHooks: mochaHooks,
    forbidOnly: true,
  });
  mocha.addFile(resolve(file));
  try {
    await mocha.loadFilesAsync();
  } catch (error) {
    process.stdout.write(`${file} can not be loaded: ${error instanceof Error ? error.stack : String(error)}\n`);
    return { passes: 0, failures: 1, pending: 0 };
  }
  return new Promise((done) => {
    const runner = mocha.run(() => {
      const { passes = 0, failures = 1, pending = 0 } = runner.stats ?? {};
      // Its listeners for what nobody catches would otherwise meet what comes of later files, and end the process.
      mocha.dispose();
      done({ passes, failures, pending });
    });
  });
}
