import { z } from "zod";
import { demand } from "../../lab/engine-api.ts";
import type { Gateway } from "../../lab/fleet.ts";
import { startRelay } from "../../lab/relay.ts";

const greeting = z.object({
  url: z.string(),
  organisations: z.tuple([z.object({ api_key: z.string(), app_key: z.string() })]),
});
const metrics = z.object({
  series: z.array(z.object({ name: z.string(), tags: z.array(z.string()), last_value: z.number().nullable() })),
});
const groups = z.array(
  z.object({
    monitor_id: z.number(),
    groups: z.array(z.object({ scope: z.string(), status: z.string() })),
  }),
);
const deliveries = z.array(z.object({ body: z.string(), outcome: z.union([z.number(), z.string()]) }));
const monitors = z.array(z.object({ id: z.number(), name: z.string(), tags: z.array(z.string()) }));
/** What the shipped webhook sends, as far as it is told. */
const payload = z.object({ monitor_id: z.string(), transition: z.string(), host: z.string(), event: z.string() });

export interface Series {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A webhook that was sent. */
export interface Sent {
  readonly monitor: string;
  readonly host: string;
  readonly transition: string;
  /** The gateway's status, or why there was none. */
  readonly outcome: number | string;
}

interface Options {
  /** Where the pack sends its metrics: a socket that all hosts see. */
  readonly metricsSocket: string;
  /** Of this end. */
  readonly socket: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** The stand-in for Datadog, beside the gateway: it calls it on its host's own loopback, as it is called from there. */
export class Datadog {
  readonly #socket: string;
  readonly #keys: Readonly<Record<string, string>>;
  #monitors: z.output<typeof monitors> = [];

  private constructor(socket: string, keys: Readonly<Record<string, string>>) {
    [this.#socket, this.#keys] = [socket, keys];
  }

  /** Started, with the shipped monitors, dashboard and webhook applied. */
  static async open({ machine, host }: Gateway, { metricsSocket, socket, token, signal }: Options): Promise<Datadog> {
    const where = ["--dogstatsd", `unix://${metricsSocket}`, "--hostname", host.name, "--evaluate", "2s"];
    const program = machine.daemon("standin", ["standin", "--json", "--orgs", "1", "--unlimited", ...where], /\}\n/u);
    await program.start(signal);
    const { url, organisations } = greeting.parse(JSON.parse(program.said()));
    const [{ api_key: api, app_key: app }] = organisations;
    await startRelay(host, Number(new URL(url).port), socket, `${machine.folder}/relay.log`);
    const apply = ["monitors", "apply", "--yes", "--api-url", url, "--state-dir", `${machine.folder}/monitors`];
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DD_API_KEY: api, DD_APP_KEY: app };
    const { code, stdout, stderr } = await host.exec(machine.argv(apply), { env, signal, timeout: 60_000 });
    if (code !== 0) throw new Error(`monitors apply: exit code ${code}: ${stdout}${stderr}`);
    const datadog = new Datadog(socket, { "dd-api-key": api, "dd-application-key": app });
    await datadog.#setToken(token);
    datadog.#monitors = monitors.parse(await datadog.#get("/api/v1/monitor"));
    return datadog;
  }

  async series(): Promise<readonly Series[]> {
    const { series } = metrics.parse(await this.#get("/standin/metrics"));
    return series.map(({ name, tags, last_value: value }) => ({ name, tags: tagsOf(tags), value: value ?? 0 }));
  }

  async sent(): Promise<readonly Sent[]> {
    const all = deliveries.parse(await this.#get("/standin/deliveries"));
    return all.map(({ body, outcome }) => {
      const { monitor_id: id, transition, host } = payload.parse(JSON.parse(body));
      return { monitor: this.#nameOf(Number(id)), host, transition, outcome };
    });
  }

  /** Names of the monitors that have a group of this host in that state. */
  async inState(host: string, status: string): Promise<readonly string[]> {
    const all = groups.parse(await this.#get("/standin/groups"));
    const of = (scope: string) => scope.split(",").includes(`host:${host}`);
    const found = all.filter((one) => one.groups.some((group) => group.status === status && of(group.scope)));
    return found.map((one) => this.#nameOf(one.monitor_id));
  }

  #nameOf(id: number): string {
    return this.#monitors.find((one) => one.id === id)?.name ?? `monitor ${id}`;
  }

  /** Monitors are told of by a secret variable of the organisation, which a person sets there once. */
  async #setToken(value: string): Promise<void> {
    const body = { name: "OVERLAYWATCH_WEBHOOK_TOKEN", value, is_secret: true };
    const path = "/api/v1/integration/webhooks/configuration/custom-variables";
    await demand(this.#socket, "POST", path, { body, headers: this.#keys });
  }

  async #get(path: string): Promise<unknown> {
    return demand(this.#socket, "GET", path, { headers: this.#keys, timeout: 5000 });
  }
}

const tagsOf = (tags: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(tags.map((tag) => [tag.replace(/:.*/su, ""), tag.replace(/^[^:]*:?/su, "")]));
