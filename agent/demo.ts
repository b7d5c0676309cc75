import { setTimeout as sleep } from "node:timers/promises";
import { ownUser } from "../host/own-user.ts";
import { claimDemoLab, type DemoLab, InUse, NotPrepared } from "../lab/demo-lab.ts";
import type { Lab } from "../lab/lab.ts";
import { remoteFaults } from "../lab/remote-fault.ts";
import { containerName, LabUsageError, parseName } from "../lab/shape.ts";
import { strategies } from "../overlay/remedy/plan.ts";
import { type Command, type Io, parseCommand } from "./command.ts";
import { jsonScreen, type Screen, textScreen } from "./demo/screen.ts";
import { type Plan, setStage } from "./demo/stage.ts";
import { play } from "./demo/story.ts";
import { aborted } from "./ending.ts";
import { errorText } from "./error-text.ts";
import { exitCodes, UnavailableError, UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch demo [--strategy NAME] [--fleet] [--fault NAME] [--keep] [--name demo]

The whole story on this machine, in about a minute: real Docker hosts, a real outage of their overlay network, the page, and
the cure, each step told when it has happened. Needs root, and \`overlaywatch lab setup\` once. Your own Docker is not touched,
and nothing is left at the end, nor after Ctrl-C, which takes some seconds; a second one changes nothing.
  --strategy NAME  how it is healed: pin (default), clean, learning-off; or arp, the one-liner that circulates, which does not
                   heal: that is shown, and the demo mends the outage itself
  --fleet          three hosts and a NATS broker: the page comes to one host, the outage is on another
  --fault NAME     missing-fdb or wrong-vtep, in place of the outage of moby#29024: the way to a container on another host is
                   broken; this takes about two minutes and a half, for it is paged after it has lasted for more than one
  --keep           leaves all of it running at the end, and says how to look at it and how to end it
  --name NAME      of the lab that it runs in
  --json           a line of JSON each step: {step, at_s, ...}; at_s is the seconds since the break. The last is the summary

Example: overlaywatch demo --fleet

Exit code 0: all went as told; 1: it did not (said why), or it was interrupted; 69: no root, no engine, no room; 75: another
demo is at work, or was kept.
`;

const options = {
  strategy: { type: "string", default: "pin" },
  fleet: { type: "boolean", default: false },
  fault: { type: "string" },
  keep: { type: "boolean", default: false },
  name: { type: "string", default: "demo" },
} as const;

export const command: Command = {
  summary: "the whole story on this machine: an outage, its page and its cure, in about a minute",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const plan = planOf(values);
    const name = nameOf(values.name);
    if (ownUser() !== 0)
      throw new UnavailableError("demo needs root: it makes network namespaces and runs Docker engines in them");
    io.outlast();
    const place = await claimed(name, io);
    if (place === undefined) return exitCodes.locked;
    const screen = values.json === true ? jsonScreen(io) : textScreen(io);
    const signal = endingOf(io);
    return perform({ place, plan, screen, io, signal, name, keep: values.keep, isTold: values.json !== true });
  },
};

/** Aborted as well where nobody reads any more (`| head`): what was started is to be taken down then too. */
function endingOf({ signal, stdout }: Io): AbortSignal {
  const unread = new AbortController();
  stdout.on("error", () => unread.abort());
  return AbortSignal.any([signal, unread.signal]);
}

/** Throws `UsageError`. */
function planOf({ strategy, fault, fleet }: { strategy: string; fault?: string | undefined; fleet: boolean }): Plan {
  const known = oneOf("--strategy", strategies, strategy);
  if (fault === undefined) return { strategy: known, fault: "outage", fleet };
  if (known !== "pin" || fleet) throw new UsageError("--fault: goes with neither --strategy nor --fleet");
  return { strategy: known, fault: oneOf("--fault", remoteFaults, fault), fleet };
}

function oneOf<T extends string>(flag: string, known: readonly T[], given: string): T {
  const found = known.find((one) => one === given);
  if (found === undefined) throw new UsageError(`${flag} ${given}: expected ${known.join(", ")}`);
  return found;
}

function nameOf(given: string): string {
  try {
    return parseName(given);
  } catch (error) {
    if (error instanceof LabUsageError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

async function claimed(name: string, { pid, stderr }: Io): Promise<DemoLab | undefined> {
  try {
    return await claimDemoLab(name, `process ${pid}`);
  } catch (error) {
    if (error instanceof NotPrepared) throw new UnavailableError(error.message, { cause: error });
    if (!(error instanceof InUse)) throw error;
    stderr.write(`overlaywatch: demo: ${error.message}\n`);
    return undefined;
  }
}

interface Performance {
  readonly place: DemoLab;
  readonly plan: Plan;
  readonly screen: Screen;
  readonly io: Io;
  readonly signal: AbortSignal;
  readonly name: string;
  readonly keep: boolean;
  readonly isTold: boolean;
}

async function perform(performance: Performance): Promise<number> {
  const { place, screen, io, signal, name, isTold } = performance;
  let isKept = false;
  void aborted(signal).then(() => tellInterrupted(performance));
  if (isTold) io.stdout.write(title);
  try {
    isKept = await performed(performance);
    if (isKept && isTold) io.stdout.write(keptText(name));
    return exitCodes.ok;
  } catch (error) {
    screen.close();
    if (error instanceof UnavailableError) throw error;
    if (!signal.aborted) io.stderr.write(`overlaywatch: demo: ${errorText(error)}\n`);
    return exitCodes.failed;
  } finally {
    screen.close();
    if (!isKept) {
      await place.down();
      if (isTold) io.stdout.write(ending);
    }
    place.release();
  }
}

function tellInterrupted({ screen, io: { stderr, pid }, name }: Performance): void {
  screen.close();
  stderr.write(
    `overlaywatch: demo: interrupted: taking all of it down, which takes some seconds. A second signal changes nothing; after kill -9 ${pid}, overlaywatch lab down --name ${name} takes it down.\n`,
  );
}

/** Whether all of it stays. Throws where it did not go as told, or was interrupted; nothing begins any more then. */
async function performed({ place, plan, screen, signal, keep }: Performance): Promise<boolean> {
  const began = Date.now();
  screen.wait("starting Docker hosts");
  const shape = plan.fault === "outage" ? { hosts: plan.fleet ? 3 : 2 } : { driver: "swarm" };
  const lab = await place.up(shape, { signal }).catch(async (cause: unknown) => {
    // Ctrl-C ends what a terminal's session has started too: that may be seen here before the signal is.
    await Promise.race([aborted(signal), sleep(200)]);
    signal.throwIfAborted();
    throw new UnavailableError(`the demo's Docker hosts do not start: ${errorText(cause)}`, { cause });
  });
  const story = told(lab, { plan, screen, signal, began });
  await Promise.race([story, aborted(signal)]);
  if (!signal.aborted) {
    if (keep) place.keep();
    return keep;
  }
  // What it waits for ends with the lab's processes, and so does it.
  lab.downNow();
  await Promise.race([story.catch(() => undefined), sleep(10_000, undefined, { ref: false })]);
  throw new Error("interrupted");
}

interface Story {
  readonly plan: Plan;
  readonly screen: Screen;
  readonly signal: AbortSignal;
  readonly began: number;
}

async function told(lab: Lab, { plan, screen, signal, began }: Story): Promise<void> {
  screen.wait("starting overlaywatch on each, and Datadog's stand-in");
  const stage = await setStage(lab, plan, signal);
  const { engine, driver, containers } = lab.shape;
  const hosts = lab.hosts.map(({ name, number }) => {
    return { name, containers: Array.from({ length: containers }, (_, index) => containerName(index, number)) };
  });
  const { strategy, fleet: broker } = plan;
  const [gateway, seconds] = [stage.pack.gateway.host.name, (Date.now() - began) / 1000];
  screen.tell({
    step: "setup",
    at_s: null,
    engine,
    driver,
    network: "testnet",
    hosts,
    gateway,
    broker,
    strategy,
    seconds,
  });
  await play({ plan, stage, screen, signal });
}

const title = "A Docker overlay network breaks, pages and heals. Real engines, a real fault.\n\n";

const ending = `
All of it is taken down: no process, namespace, mount or file is left.
Is this your outage? On your Docker host, as root: ./scripts/overlaywatch doctor (it changes nothing).
`;

function keptText(name: string): string {
  const on = `./scripts/overlaywatch lab exec --name ${name} 1 --`;
  return `
All of it goes on. Look around:
  ${on} "$PWD/scripts/overlaywatch" doctor
  ${on} docker ps
  ${on} journalctl -o cat SYSLOG_IDENTIFIER=overlaywatch
End it, and nothing is left:
  ./scripts/overlaywatch lab down --name ${name}
`;
}
