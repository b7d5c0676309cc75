import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fileDigest } from "../host/file-digest.ts";
import { groupId } from "../host/group.ts";
import { ownUser } from "../host/own-user.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { defaultConfigFile } from "./config/place.ts";
import { aborted } from "./ending.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UnavailableError, UsageError } from "./exit-codes.ts";
import { listen } from "./helper/listen.ts";
import { environmentFile, helperEnvironment } from "./helper/settings.ts";
import { streamLog } from "./log.ts";

const usage = `usage: overlaywatch helperd [--socket PATH] [--group NAME]
       overlaywatch helperd --environment

Where there is no systemd: listens for the worker, as root, and starts the helper for each request. The helper is what looks
into the overlays of this host and heals them; a request can name neither network, container, address nor command.
  --socket PATH    default worker.helper_socket of the configuration
  --group NAME     who may ask, beside root; root's own group unless told
  --environment    prints the settings of the configuration as the helper takes them, for /etc/overlaywatch/helper.env

It takes the configuration as it is at its start: after a change start it again. SIGTERM ends it when what is under way has ended.

Example: overlaywatch helperd --group overlaywatch-helper

Exit code 0: it was told to end; 69: it can not listen there, or is not root.
`;

const options = {
  socket: { type: "string" },
  group: { type: "string", default: "root" },
  environment: { type: "boolean" },
} as const;

export const command: Command = {
  summary: "listen as root for the worker, and heal this host when it asks",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const { config, file } = configOf(values, io);
    const path = resolve(io.cwd, file ?? defaultConfigFile);
    const env = helperEnvironment(config, { path, sha256: fileDigest(path) ?? "absent" });
    if (values.environment === true) {
      io.stdout.write(environmentFile(env));
      return exitCodes.ok;
    }
    return serve({ path: resolve(io.cwd, values.socket ?? config.worker.helper_socket), group: values.group, env }, io);
  },
};

interface Wanted {
  readonly path: string;
  readonly group: string;
  readonly env: Readonly<Record<string, string>>;
}

async function serve({ path, group, env }: Wanted, { self, signal, stderr }: Io): Promise<number> {
  if (ownUser() !== 0) throw new UnavailableError("helperd needs root: it enters network namespaces");
  const id = groupId(group);
  if (id === undefined) throw new UsageError(`--group ${group}: there is no such group in /etc/group`);
  const log = streamLog(stderr);
  const program = fileURLToPath(new URL("./helper/main.js", import.meta.url));
  const [node = ""] = self;
  const listening = await listen({ path, groupId: id, argv: [node, program], env, log }).catch((cause: unknown) => {
    throw new UnavailableError(`helperd cannot listen at ${path}: ${errorText(cause)}`, { cause });
  });
  log.info(`helperd: listens at ${path} for group ${group}`);
  await aborted(signal);
  await listening.close();
  return exitCodes.ok;
}
