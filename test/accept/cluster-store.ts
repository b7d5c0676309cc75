import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { StoredValue } from "../../host/kv/store.ts";
import type { LabHost } from "../../lab/host.ts";
import type { Lab } from "../../lab/lab.ts";
import { underlayAddress } from "../../lab/shape.ts";
import { endpointsFolder } from "../../overlay/truth/classic.ts";

const program = `${process.cwd()}/dist/test/accept/store-program.js`;
const store = `etcd://${underlayAddress}:2379`;

const records = z.array(z.object({ key: z.string(), value: z.string() }));
/** What of an endpoint's record a made-up one has otherwise. */
const record = z.looseObject({ name: z.string(), locator: z.string(), ep_iface: z.looseObject({ addr: z.string() }) });
type Endpoint = z.output<typeof record>;

/** The store in which the lab's classic engines keep their endpoints. */
export class ClusterStore {
  readonly #lab: Lab;
  readonly #host: LabHost;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#host = lab.host(1);
  }

  /** The record that an engine wrote for a container's endpoint. */
  async endpoint(networkId: string, container: string): Promise<Endpoint> {
    const stored = records.parse(JSON.parse(await this.#run("list", endpointsFolder(networkId))));
    const all = stored.map(({ value }) => record.parse(JSON.parse(value)));
    const found = all.find(({ name }) => name === container);
    if (found === undefined) throw new Error(`the store has no endpoint ${container} in ${networkId}`);
    return found;
  }

  async put(all: readonly StoredValue[]): Promise<void> {
    await this.#with("put", all);
  }

  async remove(all: readonly StoredValue[]): Promise<void> {
    await this.#with("delete", all);
  }

  async #with(action: string, all: readonly StoredValue[]): Promise<void> {
    const dir = mkdtempSync(join(this.#lab.shared, "records-"));
    try {
      writeFileSync(join(dir, "records.json"), JSON.stringify(all));
      await this.#run(action, join(dir, "records.json"));
    } finally {
      rmSync(dir, { recursive: true });
    }
  }

  async #run(action: string, what: string): Promise<string> {
    const { code, stdout, stderr } = await this.#host.exec([process.execPath, program, action, store, what]);
    if (code !== 0) throw new Error(`${action} in the store: ${stderr}`);
    return stdout;
  }
}
