// `npm test`: all test files in the folders that are named (dist/test), in lanes side by side, as most of their time is
// waiting. What a file prints comes when it is done; failures in full at the end, then the one line that CI reads:
// `N passed, N failed[, N skipped]`. OVERLAYWATCH_LANES (3): how many, each with labs of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Counts, partsOf, printedOf } from "./outcome.ts";

const folders = process.argv.slice(2);
const queue = (folders.length > 0 ? folders : ["dist/test"]).flatMap(testFilesIn);
const total = { passes: 0, failures: 0, pending: 0 };
const seconds = new Map<string, number>();
const closings: string[] = [];
const running = new Set<ChildProcess>();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    queue.length = 0;
    for (const child of running) child.kill(signal);
  });
}
await Promise.all(Array.from({ length: Number(process.env["OVERLAYWATCH_LANES"] ?? 3) }, lane));
process.stdout.write(`\n${closings.join("\n")}\n${longest()}\n\n${summary(total)}\n`);
process.exitCode = total.failures > 0 || total.passes === 0 ? 1 : 0;

function testFilesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test.js"));
  // The long ones, on engines, first: then the lanes end at about the same time. (`accept` is the first of all folders.)
  return names.toSorted().map((name) => join(folder, name));
}

/** A process that dies costs the file that it was at; another one goes on with the next. */
async function lane(): Promise<void> {
  while (queue.length > 0) await untilItEnds();
}

async function untilItEnds(): Promise<void> {
  const argv = ["-c", 'exec "$0" "$1" 2>&1', process.execPath, join(import.meta.dirname, "lane.js")];
  const child = spawn("/bin/sh", argv, { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  running.add(child);
  let [file, text, began] = ["", "", 0];
  const next = () => {
    file = queue.shift() ?? "";
    began = performance.now();
    child.send(file);
  };
  child.stdout?.setEncoding("utf8");
  child.stdout?.on("data", (chunk: string) => {
    text += chunk;
    const printed = printedOf(text);
    if (printed === undefined) return;
    text = printed.rest;
    seconds.set(file, (performance.now() - began) / 1000);
    count(file, printed, printed.counts);
    next();
  });
  next();
  const how = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  running.delete(child);
  if (file === "") return;
  const { body, closing } = partsOf(text);
  const died = `${file}: its process ended by ${String(how)} before its tests did\n`;
  count(file, { body, closing: `${closing}${died}` }, { passes: 0, failures: 1, pending: 0 });
}

function count(file: string, printed: Readonly<{ body: string; closing: string }>, counts: Counts): void {
  process.stdout.write(printed.body);
  if (printed.closing.trim() !== "") closings.push(`${file}\n${printed.closing}`);
  for (const key of ["passes", "failures", "pending"] as const) total[key] += counts[key];
}

function longest(): string {
  const sorted = [...seconds].toSorted(([, a], [, b]) => b - a).slice(0, 10);
  return `longest: ${sorted.map(([file, time]) => `${file} ${time.toFixed(0)} s`).join(", ")}`;
}

function summary({ passes, failures, pending }: Counts): string {
  return `${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`;
}
