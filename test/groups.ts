/**
 * The whole suite as `npm test` runs it: two processes side by side, for most of the time a test waits. Each has labs of
 * its own. Prints what each says, one after the other, and one line for both at the end: `N passed, N failed[, N skipped]`.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const mocha = fileURLToPath(new URL("../../node_modules/mocha/bin/mocha.js", import.meta.url));

const groups: readonly (readonly string[])[] = [
  ["--spec", "dist/test/accept/**/*.test.js"],
  ["--spec", "dist/test/**/*.test.js", "--ignore", "dist/test/accept/**/*.test.js"],
];

interface Ended {
  readonly code: number;
  readonly text: string;
}

const children = groups.map((args) =>
  spawn(process.execPath, [mocha, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, FORCE_COLOR: "0" },
  }),
);

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => children.forEach((child) => void child.kill(signal)));

const all = await Promise.all(
  children.map(
    async (child, index) =>
      new Promise<Ended>((resolve) => {
        let text = "";
        child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
          // One is read while it runs; the other would be mixed into it.
          if (index === 0) process.stdout.write(chunk);
        });
        child.once("close", (code) => resolve({ code: code ?? 1, text }));
      }),
  ),
);
for (const { text } of all.slice(1)) process.stdout.write(text);
const sum = (what: string): number => {
  const last = new RegExp(String.raw`(\d+) ${what}[^\n]*\n*$`, "u");
  return all.reduce((total, { text }) => total + Number(last.exec(text)?.[1] ?? 0), 0);
};
const skipped = sum("skipped");
process.stdout.write(
  `\n${sum("passed")} passed, ${sum("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
);
process.exitCode = all.every(({ code }) => code === 0) ? 0 : 1;
