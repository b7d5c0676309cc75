import { resolve } from "node:path";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { milliseconds } from "./config/milliseconds.ts";
import { nearestOf } from "./config/nearest.ts";
import { durationFlag } from "./ending.ts";
import { UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch fleet init
       overlaywatch fleet enroll|rotate|revoke HOST
       overlaywatch fleet rotate HOST --finish
       overlaywatch fleet list|config|provision
       overlaywatch fleet status [--within DURATION]

Who may speak with the broker between one gateway and many hosts. On the machine of who runs the fleet, in a folder that
holds secrets: no other machine needs all of it. HOST is its name in Datadog. docs/fleet.md has the whole way.
  init        makes the users of the operator and the gateway, and the key that the gateway signs jobs with
  enroll      makes a host's own user: its seed in hosts/HOST.seed, to be copied there and to be removed here
  rotate      makes it another one; both are good until --finish, which ends the one before
  revoke      takes it away; the broker ends its connection when it reads its configuration again
  list        who is enrolled, and who was
  config      writes fleet.conf, which the broker's configuration includes; each of the above does so too
  provision   makes, at the broker, the stream of jobs and a place for each host; takes away those of others
  status      asks every host, through the broker, on the gateway's machine: by its seed and its key
  --dir DIR   that folder; default broker.fleet_dir of the configuration
  --finish    of rotate: ends the one before
  --within D  of status: how long a host is waited for; default broker.timeout
A seed is in its file alone, readable by its owner alone, and never shown.

Example: overlaywatch fleet enroll web-7

Exit code 0: done, and of status: all answered; 1: it was not (said why), or some did not answer; 69: the broker does not answer.
`;

const options = { dir: { type: "string" }, finish: { type: "boolean" }, within: { type: "string" } } as const;

const words: readonly string[] = ["init", "enroll", "rotate", "revoke", "list", "config", "provision", "status"];

export const command: Command = {
  summary: "who belongs to a fleet, and what the broker lets each of them do",
  usage,
  options,
  words,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, options, "some");
    const [name = "", host, ...more] = positionals;
    if (name === "status") return status(values, [host, ...more], io);
    if (values.within !== undefined) throw new UsageError("--within: goes with status only");
    const { actions } = await import("./fleet/actions.ts");
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined) throw new UsageError(`fleet ${name}: there is no such action${nearestOf(name, words)}`);
    refuseMisuse(name, action.isOfHost, [host, ...more], values.finish === true);
    const flags =
      values.dir === undefined
        ? []
        : [{ path: ["broker", "fleet_dir"], value: resolve(io.cwd, values.dir), origin: "--dir" }];
    const { config } = configOf(values, io, flags);
    const request = { config, host: host ?? "", finish: values.finish === true, now: Date.now() };
    const { text, json } = await action.run(request, io.pid);
    io.stdout.write(values.json === true ? `${JSON.stringify(json, undefined, 1)}\n` : text);
    return 0;
  },
};

type Values = ReturnType<typeof parseCommand<typeof options>>["values"];

async function status(values: Values, [extra]: readonly (string | undefined)[], io: Io): Promise<number> {
  if (extra !== undefined) throw new UsageError(`fleet status: unexpected ${extra}`);
  if (values.dir !== undefined || values.finish === true)
    throw new UsageError("fleet status: takes neither --dir nor --finish");
  const { config } = configOf(values, io);
  const withinMs =
    values.within === undefined ? milliseconds(config.broker.timeout) : durationFlag("--within", values.within);
  const { fleetStatus } = await import("./fleet/status.ts");
  return fleetStatus(config, io.stdout, { withinMs, asJson: values.json === true, signal: io.signal });
}

/** Throws `UsageError`. */
function refuseMisuse(
  name: string,
  isOfHost: boolean,
  [host, more]: readonly (string | undefined)[],
  finish: boolean,
): void {
  const [known, extra] = isOfHost ? [host, more] : [undefined, host];
  if (extra !== undefined) throw new UsageError(`fleet ${name}: unexpected ${extra}`);
  if (isOfHost && known === undefined) throw new UsageError(`fleet ${name}: of which host?`);
  if (finish && name !== "rotate") throw new UsageError("--finish: goes with rotate only");
}
