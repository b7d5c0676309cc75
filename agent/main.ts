#!/usr/bin/env node
import { main } from "./cli.ts";

/** The one place that knows the process: signals, environment, streams, exit. */
const shutdown = new AbortController();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (shutdown.signal.aborted) process.exit(130);
    shutdown.abort(new Error(signal));
  });
}

// A reader that went away (`| head`) is a normal end.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const { env, stdin, stdout, stderr } = process;
const code = await main(process.argv.slice(2), {
  env,
  stdin,
  stdout,
  stderr,
  cwd: process.cwd(),
  self: [process.execPath, ...process.argv.slice(1, 2)],
  signal: shutdown.signal,
});
// Not left to the event loop: a sink's retry timer must not hold the process.
const leave = () => process.exit(code);
stdout.write("", leave);
// Who reads slowly gets all of it; but a reader that does not read must not hold a program that was told to end.
const leaveSoon = () => void setTimeout(leave, 300);
if (shutdown.signal.aborted) leaveSoon();
else shutdown.signal.addEventListener("abort", leaveSoon);
