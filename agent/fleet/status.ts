import type { Reply } from "../../dispatch/fleet-questions.ts";
import type { HostStatus } from "../../dispatch/host-status.ts";
import { type Column, table } from "../../emit/console/table.ts";
import { ago } from "../ago.ts";
import type { Terminal } from "../command.ts";
import type { Config } from "../config/schema.ts";
import { exitCodes } from "../exit-codes.ts";
import { fleetQuestions } from "../fleet-questions.ts";

interface Wanted {
  /** Milliseconds that a host has to answer. */
  readonly withinMs: number;
  readonly asJson: boolean;
  readonly signal: AbortSignal;
}

/** Asks every host how it stands. Throws `ConfigError`, `UnavailableError`. */
export async function fleetStatus(
  config: Config,
  stdout: Terminal,
  { withinMs, asJson, signal }: Wanted,
): Promise<number> {
  const fleet = await fleetQuestions(config, withinMs);
  try {
    const replies = await fleet.status(await fleet.hosts(), signal);
    stdout.write(asJson ? jsonOf(replies) : textOf(replies, Date.now(), stdout.isTTY ?? false));
    return replies.every(hasAnswer) ? exitCodes.ok : exitCodes.failed;
  } finally {
    await fleet.close();
  }
}

type Answered = Extract<Reply<HostStatus>, { answer: HostStatus }>;

const hasAnswer = (reply: Reply<HostStatus>): reply is Answered => "answer" in reply;

const jsonOf = (replies: readonly Reply<HostStatus>[]): string =>
  `${JSON.stringify({ hosts: replies.map((one) => ({ ...one, answered: hasAnswer(one) })) }, undefined, 1)}\n`;

export function textOf(replies: readonly Reply<HostStatus>[], now: number, colors: boolean): string {
  if (replies.length === 0) return "No host has a place at the broker: `overlaywatch fleet provision` makes them.\n";
  const answered = replies.filter(hasAnswer).length;
  const lines = table(columnsAt(now), replies, colors);
  return `${lines.join("\n")}\n\n${answered} of ${replies.length} hosts answered.\n`;
}

const columnsAt = (now: number): readonly Column<Reply<HostStatus>>[] => [
  { title: "HOST", text: ({ host }) => host },
  of("VERSION", ({ version }) => version, "no answer"),
  of("MODE", modeOf),
  of("PAUSED", ({ paused }) => (paused === null ? "not known" : paused.length === 0 ? "no" : "yes")),
  of("OPEN", ({ open, approval }) => (approval === 0 ? `${open}` : `${open}, ${approval} to approve`)),
  of("LAST CURE", ({ lastCure }) => (lastCure === null ? "none" : `${ago(lastCure.at, now)} ago`)),
  { title: "", text: noteOf },
];

function of(title: string, text: (status: HostStatus) => string, otherwise = "-"): Column<Reply<HostStatus>> {
  return {
    title,
    text: (reply) => (hasAnswer(reply) ? text(reply.answer) : otherwise),
    color: (reply) => (hasAnswer(reply) ? undefined : "red"),
  };
}

const modeOf = ({ mode, inForce }: HostStatus): string => (mode === inForce ? mode : `${inForce} (of ${mode})`);

/** What a person wants to know of it. */
function noteOf(reply: Reply<HostStatus>): string {
  if (!hasAnswer(reply)) return reply.trouble;
  const { paused, proved, mode } = reply.answer;
  if (paused === null) return "its helper does not answer";
  return paused[0] ?? (mode === "auto" && proved === null ? "no page was seen to reach it yet" : "");
}
