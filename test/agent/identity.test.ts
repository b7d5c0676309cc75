import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { hostIdentity, NoIdentity } from "../../agent/identity.ts";
import { useFolder } from "./folder.ts";

describe("agent/identity", () => {
  const folder = useFolder();
  const worker = (hostname: string, datadog_config = join(folder.path(), "none.yaml")) => {
    return { worker: { hostname, datadog_config } };
  };
  const program = (name: string, text: string) => {
    const path = folder.file(name, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return [path];
  };

  it("takes the configured name, else DD_HOSTNAME, else the agent's file, else the agent's word; in lower case", async () => {
    const file = folder.file("datadog.yaml", 'api_key: x\n  hostname: not-mine\nhostname: "Web-1.Example"  # ours\n');
    const speaks = program("agent", "echo Asked.Example");
    assert.deepEqual(await hostIdentity(worker("web-1"), {}, []), { host: "web-1", from: "worker.hostname" });
    assert.deepEqual(await hostIdentity(worker("", file), { DD_HOSTNAME: "ENV-1" }, speaks), {
      host: "env-1",
      from: "DD_HOSTNAME",
    });
    assert.deepEqual(await hostIdentity(worker("", file), {}, speaks), { host: "web-1.example", from: file });
    assert.deepEqual(await hostIdentity(worker(""), {}, speaks), {
      host: "asked.example",
      from: `${speaks[0]} hostname`,
    });
  });

  it("believes none of two names that differ, and takes two that are the same", async () => {
    const file = folder.file("datadog.yaml", "hostname: web-1\n");
    await assert.rejects(
      hostIdentity(worker("web-2", file), {}, []),
      (error) =>
        error instanceof NoIdentity && /web-2, and .*datadog.yaml says web-1.*make them the same/u.test(error.message),
    );
    assert.equal((await hostIdentity(worker("web-1", file), {}, [])).host, "web-1");
  });

  it("says what to set where nobody tells a name, or tells one that is none", async () => {
    const none = /not known: .*none.yaml.*there is no .*Set worker.hostname/u;
    await assert.rejects(hostIdentity(worker(""), {}, ["/nowhere/agent"]), none);
    await assert.rejects(hostIdentity(worker(""), {}, program("bad", "exit 3")), /ended with code 3.*Set worker/u);
    for (const name of ["a,b", "*", "a..b", "x".repeat(300)])
      await assert.rejects(hostIdentity(worker(""), { DD_HOSTNAME: name }, []), /no host's name: set worker.hostname/u);
    const loud = program("loud", "head -c 100000 /dev/zero; sleep 60");
    await assert.rejects(hostIdentity(worker(""), {}, loud), /not ended|code/u);
  });

  it("waits three seconds for the agent, no longer", async () => {
    const began = performance.now();
    await assert.rejects(hostIdentity(worker(""), {}, program("slow", "exec sleep 60")), /not ended within 3000 ms/u);
    assert.ok(performance.now() - began < 6000);
  });
});
