import type { z } from "zod";
import { controlAnswer, type controlRequest, type jobView, maxLineBytes } from "../dispatch/local/protocol.ts";
import { printable } from "../emit/console/table.ts";
import { askLine } from "../host/line-socket.ts";
import { ownUser } from "../host/own-user.ts";
import { type Command, configOf, parseCommand } from "./command.ts";
import type { Config } from "./config/schema.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UnavailableError, UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch approve [ID]

Has the worker do what waits for approval: the job of that id, or of its first digits, eight at least. Without an id it
lists what waits: trace, host, title and what would be done. The helper judges anew before it heals.
Exits 1 where that job does not wait, 69 where no worker answers.
`;

export const command: Command = {
  summary: "have the worker do what waits for approval, or list it",
  usage,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, {}, "some");
    const [id, ...more] = positionals;
    if (more.length > 0) throw new UsageError("one job's id at most");
    const { config } = configOf(values, io);
    const by = io.env["SUDO_USER"] ?? io.env["USER"] ?? `user ${ownUser()}`;
    const answer = await askWorker(
      config,
      id === undefined ? { v: 1, ask: "status" } : { v: 1, ask: "approve", id, by: by.slice(0, 128) },
    );
    if ("error" in answer) {
      io.stderr.write(`overlaywatch: ${id ?? ""}: ${printable(answer.error)}\n`);
      return exitCodes.failed;
    }
    const jobs = id === undefined ? answer.jobs.filter(({ state }) => state === "approval") : answer.jobs;
    if (values.json === true) io.stdout.write(`${JSON.stringify({ jobs }, undefined, 1)}\n`);
    else io.stdout.write(jobs.length === 0 ? "Nothing waits for approval.\n" : jobs.map(describe).join("\n"));
    return exitCodes.ok;
  },
};

type ControlRequest = z.input<typeof controlRequest>;
type ControlAnswer = z.output<typeof controlAnswer>;

/** What the worker of this host says. Throws `UnavailableError`, which says what to look at. */
export async function askWorker({ worker }: Config, request: ControlRequest): Promise<ControlAnswer> {
  const path = worker.control_socket;
  try {
    const line = await askLine(path, JSON.stringify(request), { timeoutMs: 5000, maxBytes: 64 * maxLineBytes });
    return controlAnswer.parse(JSON.parse(line));
  } catch (cause) {
    const why = errorText(cause);
    throw new UnavailableError(
      `the worker can not be asked (does \`overlaywatch worker\` run, as a user that you are?): ${why}`,
      {
        cause,
      },
    );
  }
}

function describe({ id, trace, host, state, title, message, plan }: z.output<typeof jobView>): string {
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
