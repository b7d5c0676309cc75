import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../agent/config/load.ts";
import { ConfigError } from "../../../agent/exit-codes.ts";
import { useFolder } from "../folder.ts";

describe("agent/config/load", () => {
  const { path, file } = useFolder();
  const load = (yaml: string, env: Record<string, string> = {}) =>
    loadConfig({ flags: [], env, file: file("c.yaml", yaml) });
  /** The message, with the file's name cut to its last part. */
  const refusal = (yaml: string, env: Record<string, string> = {}) => {
    try {
      load(yaml, env);
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      return error.message.replaceAll(`${path()}/`, "");
    }
    return assert.fail("it was taken");
  };

  it("names a misspelt key with its line and the one that was meant", () => {
    assert.equal(
      refusal("docker:\n  sokcet: /x\n"),
      "c.yaml:2: docker.sokcet: there is no such key; did you mean socket?",
    );
    assert.equal(
      refusal("# one\n\ncolectors: {interfaces: {enabled: true}}\n"),
      "c.yaml:3: colectors: there is no such key; did you mean collectors?",
    );
    assert.equal(
      refusal("tags:\n  wholly_else: 1\n"),
      "c.yaml:2: tags.wholly_else: there is no such key; there are global, profile, container_id, labels",
    );
  });

  it("names each wrong key at once", () => {
    const message = refusal(
      'docker:\n  timeout: soon\nsinks:\n  dogstatsd:\n    max_series: 0\n    prefix: "1."\nnope: 1\n',
    );
    assert.deepEqual(
      message
        .split("\n")
        .map((line) => line.split(":").slice(0, 3).join(":"))
        .toSorted(),
      [
        "c.yaml:2: docker.timeout",
        "c.yaml:5: sinks.dogstatsd.max_series",
        "c.yaml:6: sinks.dogstatsd.prefix",
        "c.yaml:7: nope",
      ],
    );
  });

  it("refuses an interval that would not be even, and says which are", () => {
    for (const interval of ["7s", "90s", "500ms", "2m", "0s"]) {
      assert.match(
        refusal(`collectors:\n  interfaces:\n    interval: ${interval}\n`),
        /^c\.yaml:3: collectors\.interfaces\.interval: expected an interval that divides a minute: 1s, 2s, /u,
        interval,
      );
    }
    assert.match(
      refusal("collectors:\n  interfaces:\n    interval: often\n"),
      /expected a duration such as 500ms, 10s, 5m or 2h$/u,
    );
    assert.equal(
      load("collectors:\n  interfaces:\n    interval: 1m\n").config.collectors["interfaces"]?.interval,
      "1m",
    );
  });

  it("refuses a wait that would be none, and one that Node's timers do not hold", () => {
    for (const key of ["timeout", "resync"]) assert.match(refusal(`docker:\n  ${key}: 0s\n`), /expected more than 0$/u);
    assert.match(refusal("docker:\n  resync: 597h\n"), /^c\.yaml:2: docker\.resync: expected 596h at most$/u);
    assert.match(refusal(`docker:\n  resync: ${"9".repeat(400)}h\n`), /expected 596h at most$/u);
    assert.equal(load("sinks:\n  dogstatsd:\n    idle: 0s\n").config.sinks.dogstatsd.idle, "0s");
  });

  it("refuses a value of the wrong type or shape, naming the key", () => {
    assert.match(
      refusal("collectors:\n  interfaces:\n    interval: 10\n"),
      /^c\.yaml:3: collectors\.interfaces\.interval: .*expected string, received number$/u,
    );
    assert.match(refusal('tags:\n  container_id: "yes"\n'), /^c\.yaml:2: tags\.container_id: .*expected boolean/u);
    assert.match(refusal("docker:\n  include: web\n"), /^c\.yaml:2: docker\.include: .*expected array/u);
    assert.match(
      refusal("docker:\n  include:\n    - web\n    - /(/\n"),
      /^c\.yaml:2: docker\.include\.1: expected a glob/u,
    );
    assert.match(refusal("docker: 5\n"), /^c\.yaml:1: docker: .*expected object/u);
    assert.match(
      refusal("tags:\n  labels:\n    com.example.team: 1x\n"),
      /^c\.yaml:3: tags\.labels\.com\.example\.team: expected a tag key/u,
    );
    assert.match(
      refusal("tags:\n  profile: tiny\n"),
      /^c\.yaml:2: tags\.profile: expected one of container, service, lean$/u,
    );
    assert.match(refusal("paths:\n  host_root: host\n"), /^c\.yaml:2: paths\.host_root: expected an absolute path$/u);
    assert.match(
      refusal("docker:\n  socket: tcp://1.2.3.4:2375\n"),
      /^c\.yaml:2: docker\.socket: .*tcp:\/\/ is not supported/u,
    );
  });

  it("does not let an environment variable hide what is wrong in the file", () => {
    assert.match(refusal("docker: 5\n", { OVERLAYWATCH_DOCKER_TIMEOUT: "1s" }), /^c\.yaml:1: docker: /u);
  });

  it("refuses what is not YAML, with the line, and what has no sections", () => {
    assert.match(refusal("docker:\n  socket: [\n"), /^c\.yaml:\d+: not YAML: /u);
    assert.match(refusal("docker: {}\ndocker: {}\n"), /^c\.yaml:2: not YAML: Map keys must be unique/u);
    assert.match(refusal("a: 1\n---\nb: 1\n"), /not YAML/u);
    assert.equal(refusal("- docker\n"), "c.yaml: expected sections such as docker: and collectors:");
    assert.equal(refusal("text\n"), "c.yaml: expected sections such as docker: and collectors:");
  });

  it("refuses a file that is not there, is a folder, or can not be read", () => {
    mkdirSync(join(path(), "dir.yaml"));
    refused(
      join(path(), "missing.yaml"),
      "there is no such file. Name another with --config, or none: all keys have defaults.",
    );
    refused(join(path(), "dir.yaml"));
    // Nobody can read this from its beginning, root neither.
    refused("/proc/self/mem");
  });

  it("takes empty files and empty sections for nothing", () => {
    const defaults = load("").config;
    for (const yaml of [
      "# nothing\n",
      "---\n",
      "docker:\n",
      "docker: {}\n",
      "sinks:\n  dogstatsd:\n  # url:\n",
      "tags: ~\n",
    ]) {
      const { config, origins } = load(yaml);
      assert.deepEqual(config, defaults, yaml);
      assert.equal(origins.size, 0);
    }
  });

  it("bears keys that are part of every object, and changes no object by them", () => {
    assert.match(refusal("__proto__:\n  polluted: 1\n"), /^c\.yaml:2?.*__proto__/u);
    assert.match(refusal("constructor: 1\n"), /^c\.yaml:1: constructor: there is no such key/u);
    assert.match(refusal("docker:\n  __proto__:\n    timeout: 1s\n"), /__proto__/u);
    assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
  });

  it("lets the flag win over the environment, that over the file, and that over the default, and says which it was", () => {
    const cases = [
      {
        key: ["docker", "socket"],
        flag: "/flag.sock",
        env: ["OVERLAYWATCH_DOCKER_SOCKET", "/env.sock"],
        file: "/file.sock",
        fallback: "/var/run/docker.sock",
      },
      {
        key: ["paths", "netns_dir"],
        flag: "/flag",
        env: ["OVERLAYWATCH_PATHS_NETNS_DIR", "/env"],
        file: "/file",
        fallback: "/var/run/docker/netns",
      },
      {
        key: ["paths", "host_root"],
        flag: "/flag",
        env: ["OVERLAYWATCH_PATHS_HOST_ROOT", "/env"],
        file: "/file",
        fallback: "/",
      },
      {
        key: ["paths", "state_dir"],
        flag: "/flag",
        env: ["OVERLAYWATCH_PATHS_STATE_DIR", "/env"],
        file: "/file",
        fallback: "/var/lib/overlaywatch",
      },
      {
        key: ["tags", "profile"],
        flag: "lean",
        env: ["OVERLAYWATCH_TAGS_PROFILE", "service"],
        file: "service",
        fallback: "container",
      },
    ] as const;
    for (const {
      key,
      flag,
      env: [variable, ofEnv],
      file: ofFile,
      fallback,
    } of cases) {
      const [section, name] = key;
      const yaml = file("c.yaml", `${section}:\n  ${name}: ${ofFile}\n`);
      const flags = [{ path: key, value: flag, origin: `--${name}` }];
      const found = (sources: Parameters<typeof loadConfig>[0]) => {
        const { config, origins } = loadConfig(sources);
        const values: Readonly<Record<string, unknown>> = config[section];
        return [values[name], origins.get(`${section}.${name}`)?.replace(`${path()}/`, "")];
      };
      const empty = file("empty.yaml", "");
      assert.deepEqual(found({ flags, env: { [variable]: ofEnv }, file: yaml }), [flag, `--${name}`]);
      assert.deepEqual(found({ flags: [], env: { [variable]: ofEnv }, file: yaml }), [ofEnv, variable]);
      assert.deepEqual(found({ flags: [], env: {}, file: yaml }), [ofFile, "c.yaml:2"]);
      assert.deepEqual(found({ flags: [], env: {}, file: empty }), [fallback, undefined]);
    }
  });
});

function refused(path: string, why = "EISDIR|EIO|EPERM|EINVAL"): void {
  assert.throws(
    () => loadConfig({ flags: [], env: {}, file: path }),
    (error) =>
      error instanceof ConfigError &&
      error.message.startsWith(`cannot read the configuration ${path}: `) &&
      new RegExp(why, "u").test(error.message),
  );
}
