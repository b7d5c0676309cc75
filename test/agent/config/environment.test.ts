import assert from "node:assert/strict";
import { environmentSettings } from "../../../agent/config/environment.ts";
import { loadConfig } from "../../../agent/config/load.ts";
import { ConfigError } from "../../../agent/exit-codes.ts";
import { useFolder } from "../folder.ts";

describe("agent/config/environment", () => {
  const { file } = useFolder();
  const load = (env: Record<string, string>) => loadConfig({ flags: [], env, file: file("empty.yaml", "") });
  const refusal = (env: Record<string, string>) => {
    try {
      load(env);
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      return error.message;
    }
    return assert.fail("it was taken");
  };

  it("sets every kind of option", () => {
    const { config } = load({
      OVERLAYWATCH_DOCKER_TIMEOUT: "2s",
      OVERLAYWATCH_DOCKER_INCLUDE: "web-*, /db|cache/,,",
      OVERLAYWATCH_TAGS_CONTAINER_ID: "true",
      OVERLAYWATCH_TAGS_LABELS: "com.example.team=team,tier=tier",
      OVERLAYWATCH_SINKS_DOGSTATSD_MAX_SERIES: "7",
      OVERLAYWATCH_SINKS_ENABLED: "console,none",
      OVERLAYWATCH_COLLECTORS_INTERFACES_ENABLED: "false",
      OVERLAYWATCH_COLLECTORS_INTERFACES_NETWORKS_EXCLUDE: "lo*",
    });
    assert.equal(config.docker.timeout, "2s");
    assert.deepEqual(config.docker.include, ["web-*", "/db|cache/"]);
    assert.equal(config.tags.container_id, true);
    assert.deepEqual(config.tags.labels, { "com.example.team": "team", tier: "tier" });
    assert.equal(config.sinks.dogstatsd.max_series, 7);
    assert.deepEqual(config.sinks.enabled, ["console", "none"]);
    assert.deepEqual(config.collectors["interfaces"], {
      enabled: false,
      interval: "10s",
      interfaces: { include: [], exclude: [] },
      networks: { include: [], exclude: ["lo*"] },
    });
  });

  it("names the variable in what it refuses", () => {
    assert.match(
      refusal({ OVERLAYWATCH_TAGS_CONTAINER_ID: "yes" }),
      /^OVERLAYWATCH_TAGS_CONTAINER_ID: tags\.container_id: .*expected boolean/u,
    );
    assert.match(
      refusal({ OVERLAYWATCH_SINKS_DOGSTATSD_MAX_SERIES: "many" }),
      /^OVERLAYWATCH_SINKS_DOGSTATSD_MAX_SERIES: .*expected number/u,
    );
    assert.match(
      refusal({ OVERLAYWATCH_SINKS_ENABLED: "dogstatsd,nope" }),
      /^OVERLAYWATCH_SINKS_ENABLED: sinks\.enabled\.1: /u,
    );
    for (const value of ["team", "a=b=c", "a=b,c", "=b"])
      assert.match(
        refusal({ OVERLAYWATCH_TAGS_LABELS: value }),
        /^OVERLAYWATCH_TAGS_LABELS: expected key=value,key=value, found /u,
      );
  });

  it("refuses an unknown variable of a section, with the one that was meant, and leaves others alone", () => {
    assert.equal(
      refusal({ OVERLAYWATCH_DOCKER_SOKCET: "/x" }),
      "OVERLAYWATCH_DOCKER_SOKCET: there is no such setting; did you mean OVERLAYWATCH_DOCKER_SOCKET?",
    );
    assert.match(
      refusal({ OVERLAYWATCH_COLLECTORS_NOPE_ENABLED: "true" }),
      /^OVERLAYWATCH_COLLECTORS_NOPE_ENABLED: there is no such setting/u,
    );
    assert.deepEqual(
      environmentSettings({ OVERLAYWATCH_REQUIRE_ALL: "1", OVERLAYWATCH: "x", PATH: "/bin", DOCKER_SOCKET: "x" }),
      [],
    );
  });

  it("takes DOCKER_HOST as the socket, unless there is a variable of our own", () => {
    assert.equal(load({ DOCKER_HOST: "unix:///a.sock" }).config.docker.socket, "unix:///a.sock");
    assert.equal(
      load({ DOCKER_HOST: "unix:///a.sock", OVERLAYWATCH_DOCKER_SOCKET: "/b.sock" }).config.docker.socket,
      "/b.sock",
    );
    assert.equal(load({ DOCKER_HOST: "" }).config.docker.socket, "/var/run/docker.sock");
    assert.match(refusal({ DOCKER_HOST: "ssh://host" }), /^DOCKER_HOST: docker\.socket: .*ssh:\/\/ is not supported/u);
  });

  it("changes no object by a map's key", () => {
    const { config } = load({ OVERLAYWATCH_TAGS_LABELS: "a=b,constructor=c" });
    assert.deepEqual(Object.entries(config.tags.labels), [
      ["a", "b"],
      ["constructor", "c"],
    ]);
    load({ OVERLAYWATCH_TAGS_LABELS: "__proto__=b" });
    assert.equal(Reflect.get({}, "b"), undefined);
  });
});
