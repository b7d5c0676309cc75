#!/usr/bin/env node
import { main } from "./cli.ts";
import { interruptsOf } from "./interrupts.ts";

/** The one place that knows the process: signals, environment, streams, exit. */
const { signal, outlast } = interruptsOf({
  on: (name, listener) => process.on(name, listener),
  exit: (exitCode) => process.exit(exitCode),
});

// A reader that went away (`| head`) is a normal end; a sink that listens as well ends the run in good order.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (process.stdout.listenerCount("error") === 1) process.exit(0);
});

const { env, stdin, stdout, stderr } = process;
const code = await main(process.argv.slice(2), {
  env,
  stdin,
  stdout,
  stderr,
  pid: process.pid,
  cwd: process.cwd(),
  self: [process.execPath, ...process.argv.slice(1, 2)],
  signal,
  outlast,
});
// Not left to the event loop: a sink's retry timer must not hold the process.
const leave = () => process.exit(code);
stdout.write("", leave);
// Who reads slowly gets all of it; but a reader that does not read must not hold a program that was told to end, nor
// `run`, which has given its sinks their time.
const leaveSoon = () => void setTimeout(leave, 300);
if (signal.aborted || process.argv[2] === "run") leaveSoon();
else signal.addEventListener("abort", leaveSoon);
