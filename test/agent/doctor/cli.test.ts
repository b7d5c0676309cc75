import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { idOf, inspectOf, json, type ScriptedDocker, scriptedDocker } from "../../host/docker/scripted.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";
import { doctorJson } from "./schema.ts";

const networkOf = (n: number, name: string) => ({ Id: idOf(n), Name: name, Driver: "overlay", Scope: "global" });

describe("agent/doctor, on an engine that plays tricks", () => {
  const { path, file } = useFolder();
  let docker: ScriptedDocker;
  let flags: readonly string[];
  const env = { OVERLAYWATCH_DOCKER_TIMEOUT: "300ms" };

  beforeEach(async () => {
    docker = await scriptedDocker();
    docker.faults.set("/info", (response) => json(response, { Name: "host1", ServerVersion: "20.10.24" }));
    mkdirSync(join(path(), "netns"), { recursive: true });
    flags = [
      "--docker-socket",
      docker.socketPath,
      "--netns-dir",
      join(path(), "netns"),
      "--config",
      file("empty.yaml", ""),
    ];
  });
  afterEach(async () => docker.remove());

  const doctor = async (...args: readonly string[]) => {
    const { code, out, err } = await cli(["doctor", "--json", ...flags, ...args], { env });
    assert.equal(err, "");
    return { code, report: doctorJson.parse(JSON.parse(out)) };
  };
  const refused = async (name: string) => {
    const { code, out, err } = await cli(["doctor", ...flags, "--network", name], { env });
    assert.deepEqual([code, out], [64, ""]);
    return err;
  };
  const blind = ({ report }: Awaited<ReturnType<typeof doctor>>) =>
    report.unjudged.filter((one) => one.blind).map(({ why }) => why);

  it("exits 0 where there is no overlay, and tells the bugs that this engine is known for", async () => {
    const { code, report } = await doctor();
    assert.deepEqual([code, report.verdict, report.host, report.engine], [0, "healthy", "host1", "20.10.24"]);
    assert.ok(report.known_bugs.some(({ issue }) => issue === "moby/moby#29024"));
  });

  it("exits 0 where the engine does not tell its version, and says so", async () => {
    docker.faults.set("/info", (response) => json(response, { message: "no" }, 500));
    const { code, report } = await doctor();
    // The log of the machine that the tests run on is there, or is not.
    const unjudged = report.unjudged.filter(({ what }) => what !== "dockerd's own log");
    assert.deepEqual([code, report.engine, unjudged.length], [0, null, 1]);
  });

  it("exits 2 where Docker is not there, hangs, or answers with nonsense", async () => {
    await docker.stop();
    const gone = await doctor();
    assert.deepEqual([gone.code, gone.report.verdict], [2, "unknown"]);
    assert.match(blind(gone).join(), /Is Docker running\?/);
    await docker.listen();
    docker.faults.set("/containers/json", () => undefined);
    const began = performance.now();
    const hung = await doctor();
    assert.equal(hung.code, 2);
    assert.match(blind(hung).join(), /no whole answer within 300 ms/);
    assert.ok(performance.now() - began < 3000);
    docker.faults.set("/containers/json", (response) => response.end("{}"));
    assert.equal((await doctor()).code, 2);
  });

  it("exits 2 where Docker lists a container and does not tell about it", async () => {
    for (const n of [1, 2]) docker.containers.set(idOf(n), inspectOf(idOf(n)));
    assert.equal((await doctor()).code, 0);
    docker.faults.set(`/containers/${idOf(2)}/json`, (response) => json(response, { message: "no" }, 500));
    const half = await doctor();
    assert.equal(half.code, 2);
    assert.match(blind(half).join(), /rows are not stale for that/);
  });

  it("says for people, on one page and without colours, why it could not judge", async () => {
    await docker.stop();
    const { code, out, err } = await cli(["doctor", ...flags], { env });
    assert.deepEqual([code, err], [2, ""]);
    assert.match(out, /: unknown, it could not be judged\n\nCould not be judged:\n {2}- all overlay networks/);
    assert.ok(!out.includes("\u001b"));
  });

  it("refuses a network that Docker does not know, with the one that was meant", async () => {
    docker.networks.push(networkOf(1, "testnet"), networkOf(2, "twice"), networkOf(3, "twice"));
    assert.match(await refused("tesnet"), /--network tesnet: Docker knows no such overlay network.*testnet/);
    assert.match(await refused("twice"), /more than one network is called so/);
    assert.equal((await doctor("--network", "testnet")).code, 0);
    assert.equal((await doctor("--network", idOf(2))).code, 0);
  });

  it("takes no operand", async () => {
    assert.equal((await cli(["doctor", "now"])).code, 64);
  });
});
