import { serveOne } from "./serve.ts";

/**
 * The privileged helper: one request, one answer, one process. Its connection is its stdin and its stdout, as systemd
 * (`Accept=yes`) and `overlaywatch helperd` give it. What has begun is brought to its end, whatever signal comes.
 */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

const { env, stdin, stdout, stderr, pid } = process;
for (const stream of [stdout, stderr]) stream.on("error", () => undefined);

// Not left to the event loop: a thread that enters namespaces must not hold the process.
process.exit(await serveOne({ env, input: stdin, output: stdout, log: stderr, pid }));
