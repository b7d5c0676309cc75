import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { configSchema } from "../../../agent/config/schema.ts";
import { environmentFile, helperEnvironment, helperSettings } from "../../../agent/helper/settings.ts";
import { ConfigError } from "../../../agent/exit-codes.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";

const config = configSchema.parse({});
const absent = { path: "/etc/overlaywatch/overlaywatch.yaml", sha256: "absent" };

describe("agent/helper: settings", () => {
  const folder = useFolder();

  it("has the defaults of the configuration, and names options that it has", () => {
    const { origin, ...settings } = helperSettings({});
    const { docker, paths, remedy } = config;
    assert.deepEqual(settings, {
      docker: { socket: docker.socket, timeout: docker.timeout },
      paths,
      remedy: { enabled: remedy.enabled, strategy: remedy.strategy },
    });
    assert.deepEqual(origin, absent);
  });

  it("refuses what the configuration refuses, by the variable's name", () => {
    for (const [name, value] of [
      ["DOCKER_SOCKET", "tcp://10.0.0.1:2375"],
      ["DOCKER_TIMEOUT", "0s"],
      ["DOCKER_TIMEOUT", "597h"],
      ["DOCKER_TIMEOUT", "soon"],
      ["PATHS_NETNS_DIR", "netns"],
      ["PATHS_STATE_DIR", ""],
      ["REMEDY_ENABLED", "yes"],
      ["REMEDY_STRATEGY", "all"],
      ["HELPER_CONFIG", "overlaywatch.yaml"],
      ["HELPER_CONFIG_SHA256", "abc"],
      ["DOCKER_RESYNC", "5m"],
      ["CONSTRUCTOR", "x"],
      ["", "x"],
    ] as const) {
      const variable = `OVERLAYWATCH_${name}`;
      assert.throws(
        () => helperSettings({ [variable]: value }),
        (error) => error instanceof ConfigError && error.message.startsWith(`${variable}: `),
        `${variable}=${value}`,
      );
    }
    assert.doesNotThrow(() => helperSettings({ PATH: "/bin", DOCKER_HOST: "tcp://10.0.0.1:2375" }));
  });

  it("what is written for it is read back by it, whatever it is", () => {
    const path = fc.string({ unit: "grapheme" }).map((text) => `/${text}`);
    fc.assert(
      fc.property(path, path, fc.boolean(), (one, two, enabled) => {
        const settings = {
          ...config,
          paths: { netns_dir: one, host_root: two, state_dir: one },
          remedy: { ...config.remedy, enabled },
        };
        const back = helperSettings(helperEnvironment(settings, { path: two, sha256: "absent" }));
        assert.deepEqual([back.paths, back.remedy.enabled, back.origin.path], [settings.paths, enabled, two]);
      }),
    );
  });

  it("as a file it is what a shell takes it for too, and what no file can hold is refused", () => {
    const awkward = { A: 'a "b" \\c $HOME `id` é', B: "" };
    const { stdout } = spawnSync("/bin/sh", ["-c", `${environmentFile(awkward)}printf '%s|%s' "$A" "$B"`], {
      encoding: "utf8",
    });
    assert.equal(stdout, `${awkward.A}|`);
    assert.throws(() => environmentFile({ A: "a\nOVERLAYWATCH_REMEDY_ENABLED=true" }), ConfigError);
  });

  it("helperd --environment tells what the configuration says, and which file that was", async () => {
    const text = "docker: { socket: /run/other.sock }\nremedy: { strategy: clean, enabled: false }\n";
    const file = folder.file("overlaywatch.yaml", text);
    const { code, out } = await cli(["helperd", "--environment", "--config", file], {
      env: { OVERLAYWATCH_PATHS_STATE_DIR: "/srv/x" },
    });
    assert.equal(code, 0);
    const sha256 = createHash("sha256").update(text).digest("hex");
    const lines = out.split("\n");
    for (const line of [
      'OVERLAYWATCH_DOCKER_SOCKET="/run/other.sock"',
      'OVERLAYWATCH_PATHS_STATE_DIR="/srv/x"',
      'OVERLAYWATCH_REMEDY_ENABLED="false"',
      'OVERLAYWATCH_REMEDY_STRATEGY="clean"',
      `OVERLAYWATCH_HELPER_CONFIG="${file}"`,
      `OVERLAYWATCH_HELPER_CONFIG_SHA256="${sha256}"`,
    ])
      assert.ok(lines.includes(line), `${line} is not in ${out}`);
  });
});
