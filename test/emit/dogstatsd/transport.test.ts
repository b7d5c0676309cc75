import assert from "node:assert/strict";
import { resolveGlobalTags } from "../../../emit/dogstatsd/global-tags.ts";
import { BadSetting, type Environment, resolveTransport } from "../../../emit/dogstatsd/transport.ts";

const none = () => false;
const resolve = (env: Environment, url?: string) =>
  resolveTransport({
    env,
    isSocket: none,
    ...(url !== undefined && { setting: { url, name: "sinks.dogstatsd.url" } }),
  });
const udp = (host: string, port: number) => ({ kind: "udp", host, port });
const uds = (path: string) => ({ kind: "uds", path });

describe("emit/dogstatsd/transport", () => {
  it("takes the first of setting, URL, socket, host and port, and says which it was", () => {
    const env = {
      DD_DOGSTATSD_URL: "udp://url:1",
      DD_DOGSTATSD_SOCKET: "/socket",
      DD_AGENT_HOST: "host",
      DD_DOGSTATSD_PORT: "2",
    };
    assert.deepEqual(resolve(env, "unix:///set"), { transport: uds("/set"), from: "sinks.dogstatsd.url" });
    assert.deepEqual(resolve(env), { transport: udp("url", 1), from: "DD_DOGSTATSD_URL" });
    const { DD_DOGSTATSD_URL: _url, ...second } = env;
    assert.deepEqual(resolve(second), { transport: uds("/socket"), from: "DD_DOGSTATSD_SOCKET" });
    const { DD_DOGSTATSD_SOCKET: _socket, ...third } = second;
    assert.deepEqual(resolve(third), { transport: udp("host", 2), from: "DD_AGENT_HOST, DD_DOGSTATSD_PORT" });
  });

  it("needs only one of host and port", () => {
    assert.deepEqual(resolve({ DD_AGENT_HOST: "agent" }), { transport: udp("agent", 8125), from: "DD_AGENT_HOST" });
    assert.deepEqual(resolve({ DD_DOGSTATSD_PORT: "99" }), {
      transport: udp("127.0.0.1", 99),
      from: "DD_DOGSTATSD_PORT",
    });
  });

  it("falls back to the agent's socket if there is one, else to UDP; an empty variable is not set", () => {
    const env = { DD_DOGSTATSD_URL: "", DD_AGENT_HOST: " " };
    assert.deepEqual(resolve(env), { transport: udp("127.0.0.1", 8125), from: "default" });
    const found = resolveTransport({ env, isSocket: (path) => path === "/var/run/datadog/dsd.socket" });
    assert.deepEqual(found, { transport: uds("/var/run/datadog/dsd.socket"), from: "socket found" });
  });

  it("reads every form of URL", () => {
    const forms = {
      "udp://agent": udp("agent", 8125),
      "udp://dd_agent.internal:9": udp("dd_agent.internal", 9),
      "udp://[::1]:9": udp("::1", 9),
      "udp://[fe80::1]": udp("fe80::1", 8125),
      "udp://::1": udp("::1", 8125),
      " unix:///run/dsd.socket ": uds("/run/dsd.socket"),
      "unixgram:///run/dsd.socket": uds("/run/dsd.socket"),
    };
    for (const [url, transport] of Object.entries(forms)) assert.deepEqual(resolve({}, url).transport, transport, url);
  });

  it("refuses what it can not use, naming the setting or variable", () => {
    const bad: readonly Environment[] = [
      { DD_DOGSTATSD_URL: "http://agent:8125" },
      { DD_DOGSTATSD_URL: "unixstream:///run/dsd.socket" },
      { DD_DOGSTATSD_URL: "agent:8125" },
      { DD_DOGSTATSD_URL: "udp://" },
      { DD_DOGSTATSD_URL: "udp://agent:" },
      { DD_DOGSTATSD_URL: "udp://agent:0" },
      { DD_DOGSTATSD_URL: "udp://agent:65536" },
      { DD_DOGSTATSD_URL: "udp://[agent]:1" },
      { DD_DOGSTATSD_URL: "udp://a b:1" },
      { DD_DOGSTATSD_URL: "unix://relative" },
      { DD_DOGSTATSD_SOCKET: "relative" },
      // 108 bytes: the native addon would cut it and send to another path.
      { DD_DOGSTATSD_SOCKET: `/${"x".repeat(107)}` },
      { DD_AGENT_HOST: "-a" },
      { DD_DOGSTATSD_PORT: "8125x" },
    ];
    for (const env of bad) {
      const named = (error: unknown) =>
        error instanceof BadSetting && error.message.startsWith(Object.keys(env)[0] ?? "?");
      assert.throws(() => resolve(env), named, JSON.stringify(env));
    }
    assert.equal(resolve({ DD_DOGSTATSD_SOCKET: `/${"x".repeat(106)}` }).from, "DD_DOGSTATSD_SOCKET");
  });
});

describe("emit/dogstatsd/global-tags", () => {
  it("splits DD_TAGS at commas if there is one, else at blanks", () => {
    assert.deepEqual(resolveGlobalTags([], { DD_TAGS: "a:b  c" }), ["a:b", "c"]);
    assert.deepEqual(resolveGlobalTags([], { DD_TAGS: "a:b c, d:e," }), ["a:b c", "d:e"]);
    assert.deepEqual(resolveGlobalTags([], {}), []);
  });

  it("lets DD_ENV, DD_SERVICE and DD_VERSION win over DD_TAGS, and the configuration over all", () => {
    const env = { DD_TAGS: "env:a,env:b,team:x,service:y", DD_ENV: "prod", DD_SERVICE: "", DD_VERSION: "1" };
    assert.deepEqual(resolveGlobalTags([], env), ["team:x", "service:y", "env:prod", "version:1"]);
    assert.deepEqual(resolveGlobalTags(["env:dev", "team:p", "team:q"], env), [
      "service:y",
      "version:1",
      "env:dev",
      "team:p",
      "team:q",
    ]);
  });
});
