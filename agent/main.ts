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
  cwd: process.cwd(),
  self: [process.execPath, ...process.argv.slice(1, 2)],
  signal: shutdown.signal,
});
// Not left to the event loop: a sink's retry timer must not hold the process.
stdout.write("", () => process.exit(code));
// `run` has given its sinks their time: a reader that does not read must not hold it.
if (process.argv[2] === "run") setTimeout(() => process.exit(code), 250);
