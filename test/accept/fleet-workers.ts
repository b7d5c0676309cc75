import { readFileSync } from "node:fs";
import { z } from "zod";
import { openBroker } from "../../dispatch/nats/connection.ts";
import { openJobSource } from "../../dispatch/nats/job-source.ts";
import { inboxOf } from "../../dispatch/nats/server-config.ts";
import { readGatewayKeys } from "../../dispatch/nats/signature.ts";
import { hostKeyOf } from "../../dispatch/nats/subjects.ts";
import { answersOf, memoryWorker } from "../dispatch/nats/fleet.ts";

/**
 * Many hosts' workers in one process, each with its own connection and account, and the real source of jobs; what they are given
 * they have healed at once. `node fleet-workers.js FILE`, where FILE holds their seeds. Prints how many are connected, and each
 * job as it comes, as lines of JSON.
 */
const wanted = z.object({
  url: z.string(),
  gatewayKey: z.string(),
  hosts: z.array(z.object({ host: z.string(), seed: z.string() })),
});
const { url, gatewayKey, hosts } = wanted.parse(JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")));
const gatewayKeys = readGatewayKeys(gatewayKey);
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

async function open(host: string, seed: string): Promise<void> {
  const key = hostKeyOf(host);
  const options = { servers: [url], seed, name: host, inboxPrefix: inboxOf(key), timeoutMs: 5000 };
  const broker = openBroker({ ...options, onChange: () => undefined });
  const { worker } = memoryWorker(host);
  let paused: readonly string[] = [];
  const keep = (now: readonly string[]) => async () => {
    paused = now;
    source.sayPresence();
    return { paused: [...paused] };
  };
  const source = openJobSource({
    broker,
    host,
    gatewayKeys,
    worker: {
      ...worker,
      offer: async (job) => {
        const receipt = await worker.offer(job);
        say({ host, event: job.alert?.event, at: Date.now(), answer: receipt.answer });
        for (const state of ["waiting", "working", "healed"] as const)
          source.tell({ v: 1, id: job.id, trace: job.trace, state, message: state, at: Date.now() });
        return receipt;
      },
    },
    answers: { ...answersOf(host), pause: keep(["by the fleet"]), resume: keep([]) },
    presence: () => ({ version: "0", mode: "auto", inForce: "auto", paused: paused.length > 0 }),
    onTrouble: (trouble) => say({ host, trouble }),
  });
  await (await broker.ready).flush();
}

// One after the other: each signs what the server asks in plain JavaScript, and the server waits no longer than 2 s for it.
for (const { host, seed } of hosts) await open(host, seed);
say({ connected: hosts.length });
