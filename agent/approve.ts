import { printable } from "../emit/console/table.ts";
import { ownUser } from "../host/own-user.ts";
import { type Command, configOf, parseCommand } from "./command.ts";
import type { Config } from "./config/schema.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UnavailableError, UsageError } from "./exit-codes.ts";
import { askWorker, type JobView, WorkerRefused } from "./worker-socket.ts";

const usage = `usage: overlaywatch approve [ID]

Has the worker do what waits for approval: the job of that id, or of its first digits, eight at least. Without an id it
lists what waits: trace, host, title and what would be done. The helper judges anew before it heals.

Example: overlaywatch approve 3f2a9c01

Exit code 0: it is to be done, or listed; 1: that job does not wait; 69: no worker answers.
`;

export const command: Command = {
  summary: "have the worker do what waits for approval, or list it",
  usage,
  options: {},
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, {}, "some");
    const [id, ...more] = positionals;
    if (more.length > 0) throw new UsageError("one job's id at most");
    const { config } = configOf(values, io);
    const by = (io.env["SUDO_USER"] ?? io.env["USER"] ?? `user ${ownUser()}`).slice(0, 128);
    const answer = await asked(config, id === undefined ? { v: 1, ask: "status" } : { v: 1, ask: "approve", id, by });
    if (answer instanceof WorkerRefused) {
      io.stderr.write(`overlaywatch: ${printable(answer.message)}\n`);
      return exitCodes.failed;
    }
    const jobs = id === undefined ? answer.jobs.filter(({ state }) => state === "approval") : answer.jobs;
    if (values.json === true) io.stdout.write(`${JSON.stringify({ jobs }, undefined, 1)}\n`);
    else io.stdout.write(jobs.length === 0 ? "Nothing waits for approval.\n" : jobs.map(describe).join("\n"));
    return exitCodes.ok;
  },
};

type Request = Parameters<typeof askWorker>[1];

/** Throws `UnavailableError`, which says what to look at. */
async function asked(
  { worker }: Config,
  request: Request,
): Promise<Awaited<ReturnType<typeof askWorker>> | WorkerRefused> {
  try {
    return await askWorker(worker.control_socket, request);
  } catch (cause) {
    if (cause instanceof WorkerRefused) return cause;
    throw new UnavailableError(
      `the worker can not be asked: does \`overlaywatch worker\` run, and are you its user or root? (${errorText(cause)})`,
      { cause },
    );
  }
}

function describe({ id, trace, host, state, title, message, plan }: JobView): string {
  const lines = [
    `${state}  ${id.slice(0, 12)}`,
    `  host   ${host}`,
    `  trace  ${trace}`,
    `  alert  ${title === "" ? "(this host's own pipeline)" : title}`,
    `  ${message}`,
    ...plan.map((line) => `    ${line}`),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}
