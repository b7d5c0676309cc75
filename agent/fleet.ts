import { resolve } from "node:path";
import { type Command, configOf, parseCommand } from "./command.ts";
import { nearestOf } from "./config/nearest.ts";
import { UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch fleet init
       overlaywatch fleet enroll|rotate|revoke HOST
       overlaywatch fleet rotate HOST --finish
       overlaywatch fleet list|config|provision

Who may speak with the broker between one gateway and many hosts. On the machine of who runs the fleet, in a folder that
holds secrets: no other machine needs all of it. HOST is its name in Datadog. docs/fleet.md has the whole way.
  init        makes the users of the operator and the gateway, and the key that the gateway signs jobs with
  enroll      makes a host's own user: its seed in hosts/HOST.seed, to be copied there and to be removed here
  rotate      makes it another one; both are good until --finish, which ends the one before
  revoke      takes it away; the broker ends its connection when it reads its configuration again
  list        who is enrolled, and who was
  config      writes fleet.conf, which the broker's configuration includes; each of the above does so too
  provision   makes, at the broker, the stream of jobs and a place for each host; takes away those of others
  --dir DIR   that folder; default broker.fleet_dir of the configuration
  --finish    of rotate: ends the one before
A seed is in its file alone, readable by its owner alone, and never shown.

Example: overlaywatch fleet enroll web-7

Exit code 0: done; 1: it was not (said why).
`;

const options = { dir: { type: "string" }, finish: { type: "boolean" } } as const;

export const command: Command = {
  summary: "who belongs to a fleet, and what the broker lets each of them do",
  usage,
  options,
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, options, "some");
    const [name = "", host, ...more] = positionals;
    const { actions } = await import("./fleet/actions.ts");
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined)
      throw new UsageError(`fleet ${name}: there is no such action${nearestOf(name, Object.keys(actions))}`);
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
