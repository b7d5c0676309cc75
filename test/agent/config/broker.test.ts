import assert from "node:assert/strict";
import { loadConfig } from "../../../agent/config/load.ts";

const load = (env: Readonly<Record<string, string>>) => loadConfig({ flags: [], env, file: "/dev/null" }).config.broker;

describe("agent/config: broker", () => {
  it("is none unless servers are named, all of one kind", () => {
    assert.deepEqual(load({}).servers, []);
    const servers = "tls://a.example.com:4222,tls://[::1]:4222";
    assert.deepEqual(load({ OVERLAYWATCH_BROKER_SERVERS: servers }).servers, servers.split(","));
  });

  for (const servers of [
    "nats://a:4222,tls://b:4222",
    "a:4222",
    "nats://a",
    "ws://a:4222",
    "nats://user:password@a:4222",
    "nats://a:4222/x",
    "nats://:4222",
    "tls://a b:4222",
  ])
    it(`refuses ${servers}`, () => {
      assert.throws(
        () => load({ OVERLAYWATCH_BROKER_SERVERS: servers }),
        /OVERLAYWATCH_BROKER_SERVERS: broker\.servers.*expected/u,
      );
    });

  it("refuses files by half a path, and caps that let nothing or everything through", () => {
    for (const [key, value] of [
      ["SEED_FILE", "seed"],
      ["FLEET_DIR", "fleet"],
      ["JOBS_PER_HOST", "0"],
      ["JOBS_PER_FLEET", "0"],
      ["WINDOW", "0s"],
      ["TIMEOUT", "0s"],
      ["REPLICAS", "6"],
    ] as const)
      assert.throws(
        () => load({ [`OVERLAYWATCH_BROKER_${key}`]: value }),
        new RegExp(`broker\\.${key.toLowerCase()}`, "u"),
      );
  });
});
