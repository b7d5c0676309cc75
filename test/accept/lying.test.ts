import assert from "node:assert/strict";
import { z } from "zod";
import { endpointOf } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { useLab } from "../lab/fixture.ts";
import { type Lie, lyingDocker } from "./lying-docker.ts";
import { endAll, onHost } from "./program.ts";
import { Treatment } from "./treatment.ts";

const list = z.array(z.looseObject({ Names: z.array(z.string()) }));
const isList = (path: string): boolean => /\/containers\/json/u.test(path);

/** Everything that one endpoint is said to be is the other one, and the other way round. */
const swapped =
  (one: Address, other: Address): Lie =>
  (path, answer) => {
    if (!/\/containers\/[^/]+\/json/u.test(path)) return undefined;
    const ips = turn(JSON.stringify(answer), one.IPAddress, other.IPAddress);
    const told: unknown = JSON.parse(turn(ips, one.MacAddress, other.MacAddress));
    return told;
  };

const turn = (text: string, a: string, b: string): string =>
  text.replaceAll(`"${a}"`, '"@"').replaceAll(`"${b}"`, `"${a}"`).replaceAll('"@"', `"${b}"`);

interface Address {
  readonly IPAddress: string;
  readonly MacAddress: string;
}

const lies: readonly (readonly [what: string, lie: Lie])[] = [
  ["no container runs", (path) => (isList(path) ? [] : undefined)],
  [
    "half of them run",
    (path, answer) =>
      isList(path)
        ? list.parse(answer).filter(({ Names }) => !Names.includes("/A1") && !Names.includes("/B1"))
        : undefined,
  ],
  ["there is no network", (path) => (/\/networks(?:\?|$)/u.test(path) ? [] : undefined)],
  ["nothing about any container", (path) => (/\/containers\/[^/]+\/json/u.test(path) ? 500 : undefined)],
];

describe("accept: a Docker that lies", function () {
  this.timeout(60_000);
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;

  before("an outage", async () => {
    host = lab().host(1);
    here = new Treatment(lab(), host);
    await lab().break();
  });
  after("end", async () => {
    endAll();
    await lab().mend();
    here.forget();
  });

  for (const [what, lie] of lies) {
    it(`says that ${what}: nothing is written, and nothing is called cured`, async () => disbelieved(lie));
  }

  it("says that each of the two is the other one: nothing is written, and nothing is called cured", async () => {
    const [a, b] = [await endpointOf(host, "A1"), await endpointOf(host, "B1")];
    await disbelieved(swapped(a, b));
  });

  async function disbelieved(lie: Lie): Promise<void> {
    const docker = await lyingDocker(`${lab().shared}/lie.sock`, host.socket, lie);
    try {
      const before = await here.tables();
      for (const strategy of ["pin", "clean"]) {
        const args = ["cleanup", "--apply", "--json", "--strategy", strategy, "--docker-socket", docker.path];
        const program = onHost(host, [...args, "--state-dir", here.state]);
        const code = await program.ended;
        assert.ok([0, 20, 40, 69].includes(code), `${strategy}: ${code} ${program.out()}`);
        await here.unwritten(before, `${strategy}: ${program.out()}`);
      }
      assert.ok(docker.lies() > 0, "it was asked what it lies about");
    } finally {
      docker.close();
    }
  }

  it("and one that tells the truth through the same socket heals", async () => {
    const docker = await lyingDocker(`${lab().shared}/lie.sock`, host.socket, () => undefined);
    try {
      const { code, out, json } = await here.cleanup("--apply", "--docker-socket", docker.path);
      assert.equal(code, 10, out);
      assert.equal((await here.at("undo", json.undo ?? "")).code, 0);
    } finally {
      docker.close();
    }
  });
});
