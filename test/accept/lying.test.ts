import assert from "node:assert/strict";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";
import { useLab } from "../lab/fixture.ts";
import { type Lie, lyingDocker } from "./lying-docker.ts";
import { endAll, onHost } from "./program.ts";
import { Treatment } from "./treatment.ts";

const list = z.array(z.looseObject({ Names: z.array(z.string()) }));
const isList = (path: string): boolean => /\/containers\/json/u.test(path);

/** Whoever has which after the engine's last start. Everything that A1 is said to be is B1, and the other way round. */
const swapped: Lie = (path, answer) => {
  if (!/\/containers\/[^/]+\/json/u.test(path)) return undefined;
  const turns = [
    ["10.0.0.2", "10.0.0.3"],
    ["02:42:0a:00:00:02", "02:42:0a:00:00:03"],
  ] as const;
  let text = JSON.stringify(answer);
  for (const [one, other] of turns) text = text.replaceAll(one, "@").replaceAll(other, one).replaceAll("@", other);
  return JSON.parse(text);
};

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
  ["each of the two is the other one", swapped],
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
    it(`says that ${what}: nothing is written, and nothing is called cured`, async () => {
      const docker = await lyingDocker(`${lab().shared}/lie.sock`, host.socket, lie);
      try {
        const before = await here.tables();
        for (const strategy of ["pin", "clean"]) {
          const args = ["cleanup", "--apply", "--json", "--strategy", strategy, "--docker-socket", docker.path];
          const program = onHost(host, [...args, "--state-dir", here.state]);
          const code = await program.ended;
          assert.ok([0, 20, 40, 69].includes(code), `${strategy}: ${code} ${program.out()}`);
          assert.deepEqual(await here.tables(), before, `${strategy}: ${program.out()}`);
        }
        assert.ok(docker.lies() > 0, "it was asked what it lies about");
      } finally {
        docker.close();
      }
    });
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
