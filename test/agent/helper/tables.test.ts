import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { bundleIn } from "../../../dispatch/bundle.ts";
import { type ScriptedDocker, scriptedDocker } from "../../host/docker/scripted.ts";
import { isRoot, needs } from "../../needs.ts";
import { useFolder } from "../folder.ts";
import { asked, request, trace } from "./helper-process.ts";

const network = { Id: "n".repeat(25), Name: "testnet", Driver: "overlay", Scope: "global", Options: {} };

describe("agent/helper: the tables of this host, by a process of its own", function () {
  this.timeout(20_000);
  const folder = useFolder();
  let docker: ScriptedDocker;
  const env = () => ({
    OVERLAYWATCH_DOCKER_SOCKET: docker.socketPath,
    OVERLAYWATCH_PATHS_STATE_DIR: `${folder.path()}/state`,
    OVERLAYWATCH_PATHS_NETNS_DIR: `${folder.path()}/netns`,
  });

  beforeEach(async () => {
    docker = await scriptedDocker();
    mkdirSync(`${folder.path()}/netns`);
  });
  afterEach(async () => docker.remove());

  it("are a bundle as `doctor --save` writes it, packed; its log has the trace", async function () {
    needs(this, "root", isRoot());
    docker.networks.push(network);
    const { code, answer, err } = await asked(request("tables"), env());
    assert.deepEqual([code, answer.verb, answer.trace], [0, "tables", trace]);
    const bundle = bundleIn(JSON.parse(gunzipSync(Buffer.from(answer.packed ?? "", "base64")).toString("utf8")));
    assert.deepEqual(
      bundle.tables.networks.map(({ id, name, members }) => ({ id, name, members })),
      [{ id: network.Id, name: "testnet", members: [] }],
    );
    assert.ok(Math.abs(Date.now() - Date.parse(bundle.savedAt)) < 20_000);
    assert.match(err, new RegExp(`^trace ${trace}: tables: 1 networks, \\d+ bytes\n$`, "u"));
  });

  it("are not there without Docker: the answer says so, and is no fault of the helper", async () => {
    await docker.stop();
    const { code, answer } = await asked(request("tables"), env());
    assert.deepEqual([code, answer.error?.code, answer.trace], [69, 69, trace]);
    assert.match(answer.error?.message ?? "", /docker/iu);
  });

  it("of whom, is not to be said", async () => {
    const { code, answer } = await asked(request("tables").replace("}", ',"network":"testnet"}'), env());
    assert.deepEqual([code, answer.error?.message], [65, "a request has v, verb, trace, and nothing else"]);
  });
});
