import type { Message } from "../emit/dogstatsd/parse.ts";
import { type ReceiverOptions, startReceiver } from "../emit/dogstatsd/receiver.ts";
import { type Command, configOf, type Io, parseCommand } from "./command.ts";
import { aborted, endingOf } from "./ending.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UnavailableError, UsageError } from "./exit-codes.ts";
import { liveView } from "./live-view.ts";

const usage = `usage: overlaywatch sink [--udp PORT] [--uds PATH] [--for DURATION]

The embedded DogStatsD receiver: shows what arrives, until SIGTERM. Without --udp and --uds it listens on UDP 8125.
  --udp PORT       on 127.0.0.1; 0 takes a free one
  --uds PATH       a unix datagram socket, made here
  --host ADDRESS   for UDP, in place of 127.0.0.1
  --for DURATION   ends by itself after that time
  --json           one line a sample; otherwise a live table of the interfaces' rates
What can not be parsed is said on stderr and counted.

Example: overlaywatch sink --udp 8125 --json

Exit code 0: ended, by the time or by SIGTERM; 69: it can not listen there (said why).
`;

const options = {
  udp: { type: "string" },
  uds: { type: "string" },
  host: { type: "string", default: "127.0.0.1" },
  for: { type: "string" },
} as const;

export const command: Command = {
  summary: "receive DogStatsD and show it",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const { config } = configOf(values, io);
    const port = values.udp ?? (values.uds === undefined ? "8125" : undefined);
    const where = {
      ...(port === undefined ? {} : { udp: { port: portOf(port), host: values.host } }),
      ...(values.uds === undefined ? {} : { uds: { path: values.uds } }),
    };
    const ending = endingOf(values.for, io.signal);
    const show =
      values.json === true ? jsonLines(io) : liveView(io, "overlaywatch sink", config.sinks.dogstatsd.prefix);
    try {
      await receive(where, show, ending, io);
    } finally {
      await show.close();
    }
    return exitCodes.ok;
  },
};

async function receive(
  where: Pick<ReceiverOptions, "udp" | "uds">,
  show: Show,
  ending: AbortSignal,
  { stderr }: Io,
): Promise<void> {
  const onInvalid: ReceiverOptions["onInvalid"] = (reason, { transport }) =>
    void stderr.write(`refused (${transport}): ${reason}\n`);
  const receiver = await startReceiver({ ...where, onInvalid }, show.message).catch((cause: unknown) => {
    throw new UnavailableError(`sink: ${errorText(cause)}`, { cause });
  });
  const { udp, uds } = receiver;
  stderr.write(
    `listening on ${[udp && `udp ${udp.host}:${udp.port}`, uds && `unix ${uds.path}`].filter((w) => w !== undefined).join(" and ")}\n`,
  );
  await aborted(ending);
  await receiver.close();
  for (const [name, s] of Object.entries(receiver.stats())) {
    if (s.datagrams > 0)
      stderr.write(
        `${name}: ${s.messages} messages in ${s.datagrams} datagrams, the largest ${s.largestDatagram} bytes; ${s.invalidLines} lines refused\n`,
      );
  }
}

interface Show {
  readonly message: (message: Message) => void;
  readonly close: () => Promise<void>;
}

/** Bytes that may wait for a reader of stdout that is slower than the senders. */
const maxWaiting = 64 * 1024 * 1024;

function jsonLines({ stdout, stderr }: Io): Show {
  let lost = 0;
  return {
    message: (message) => {
      if (stdout.writableLength > maxWaiting) lost++;
      else stdout.write(`${JSON.stringify(message)}\n`);
    },
    close: () => {
      if (lost > 0) stderr.write(`${lost} messages were not printed: the reader of stdout is too slow\n`);
      return Promise.resolve();
    },
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/u.test(text) || port > 65_535) throw new UsageError(`--udp ${text}: expected a port from 0 to 65535`);
  return port;
}
