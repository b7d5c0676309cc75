import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { onHost, type Program, says } from "./program.ts";

const listening = z.object({
  url: z.string(),
  organisations: z.array(z.object({ id: z.number(), api_key: z.string(), app_key: z.string() })),
});
const monitors = z.array(z.object({ id: z.number(), tags: z.array(z.string()) }));
const tries = z.array(z.object({ outcome: z.union([z.number(), z.string()]), body: z.string() }));

type Keys = Readonly<Record<string, string>>;

/** Datadog's stand-in on one host of a lab, with the shipped monitors, whose webhook calls a gateway there. */
export class Datadog {
  readonly #host: LabHost;
  readonly #program: Program;
  readonly #url: string;
  readonly #keys: Keys;
  readonly #monitor: number;

  private constructor(host: LabHost, program: Program, url: string, keys: Keys, monitor: number) {
    [this.#host, this.#program, this.#url, this.#keys, this.#monitor] = [host, program, url, keys, monitor];
  }

  /** `config`: `datadog.webhook_url` of it is the gateway's. */
  static async open(host: LabHost, config: string, token: string): Promise<Datadog> {
    const program = onHost(host, ["standin", "--json", "--orgs", "1"]);
    await says(program, /\}\n/u);
    const { url, organisations } = listening.parse(JSON.parse(program.out()));
    const [org] = organisations;
    if (org === undefined) throw new Error("the stand-in has no organisation");
    const apply = onHost(host, ["monitors", "apply", "--yes", "--api-url", url, "--config", config], {
      DD_API_KEY: org.api_key,
      DD_APP_KEY: org.app_key,
    });
    if ((await apply.ended) !== 0) throw new Error(`monitors apply: ${apply.out()}${apply.err()}`);
    const keys = { "dd-api-key": org.api_key, "dd-application-key": org.app_key };
    await post(host, keys, `${url}/api/v1/integration/webhooks/configuration/custom-variables`, {
      name: "OVERLAYWATCH_WEBHOOK_TOKEN",
      value: token,
      is_secret: true,
    });
    const all = monitors.parse(JSON.parse(await fetched(host, keys, `${url}/api/v1/monitor`, {})));
    const monitor = all.find(({ tags }) => tags.includes("overlaywatch-key:fdb-misplaced"));
    if (monitor === undefined) throw new Error(`the shipped monitors are not there: ${JSON.stringify(all)}`);
    return new Datadog(host, program, url, keys, monitor.id);
  }

  /** As Datadog sends it; the event is the stand-in's own. */
  async page(host: string, transition: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const body = { monitor_id: this.#monitor, host, transition, ...more };
    await post(this.#host, this.#keys, `${this.#url}/standin/trigger`, body);
  }

  /** Tries of deliveries so far: each receiver's status, and what it was sent. */
  async deliveries(): Promise<readonly { readonly outcome: number | string; readonly body: string }[]> {
    return tries.parse(JSON.parse(await fetched(this.#host, this.#keys, `${this.#url}/standin/deliveries`, {})));
  }

  async close(): Promise<void> {
    await this.#program.stop();
  }
}

async function post(host: LabHost, keys: Keys, url: string, body: unknown): Promise<void> {
  await fetched(host, keys, url, { method: "POST", body: JSON.stringify(body) });
}

/** From the host's own network: its loopback is not ours. */
async function fetched(host: LabHost, keys: Keys, url: string, init: RequestInit): Promise<string> {
  const headers = { "content-type": "application/json", ...keys };
  const script =
    "const [url, init] = process.argv.slice(1); fetch(url, JSON.parse(init)).then(async (r) => { process.stdout.write(await r.text()); process.exitCode = r.ok ? 0 : 1; })";
  const command = [process.execPath, "-e", script, url, JSON.stringify({ ...init, headers })];
  const { code, stdout, stderr } = await host.exec(command);
  if (code !== 0) throw new Error(`${url}: ${stdout}${stderr}`);
  return stdout;
}
