import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DockerClient, dockerClient } from "../../../host/docker/client.ts";
import { transportError } from "../../../host/docker/error.ts";
import { isRoot, needs } from "../../needs.ts";
import { until } from "../until.ts";
import { type ScriptedDocker, json, scriptedDocker } from "./scripted.ts";
import { dockerErrorOf } from "./stage.ts";

describe("host/docker/client", () => {
  let docker: ScriptedDocker;
  let client: DockerClient;

  beforeEach(async () => {
    docker = await scriptedDocker();
    client = dockerClient({ socketPath: docker.socketPath, timeoutMs: 2000, maxBytes: 100_000, maxLine: 1000 });
  });
  afterEach(async () => {
    await docker.remove();
  });

  const quick = { timeoutMs: 80 };

  it("gives the parsed answer, and leaves no connection", async () => {
    docker.networks.push({ Name: "grün" });
    assert.deepEqual(await client.get("/networks"), [{ Name: "grün" }]);
    await client.ping();
    await until("connections closed", () => docker.connections.size === 0);
  });

  it("sends a body as JSON and takes an empty answer", async () => {
    let got = "";
    docker.faults.set("/containers/create", (response, request) => {
      request.on("data", (chunk: Buffer) => (got += chunk.toString()));
      request.on("end", () => json(response, { Id: "x", type: request.headers["content-type"] }, 201));
    });
    docker.faults.set("/containers/x/start", (response) => response.writeHead(204).end());
    const made = await client.request("POST", "/containers/create?name=a", { Image: "busybox" });
    assert.deepEqual(made, { Id: "x", type: "application/json" });
    assert.equal(got, '{"Image":"busybox"}');
    assert.equal(await client.request("POST", "/containers/x/start"), undefined);
  });

  it("tells a socket that is not there, and what to do", async () => {
    const error = await dockerErrorOf(dockerClient({ socketPath: "/nonexistent/docker.sock" }).get("/version"));
    assert.equal(error.kind, "absent");
    assert.equal(error.path, "/version");
    assert.equal(error.socketPath, "/nonexistent/docker.sock");
    assert.match(error.message, /GET \/version.*no such socket.*--docker-socket/);
    assert.ok(error.cause instanceof Error);
  });

  it("tells a file that is no socket, and a path through one", async () => {
    const dir = await mkdtemp(join(tmpdir(), "ow-client-"));
    try {
      const path = join(dir, "file");
      await writeFile(path, "");
      const error = await dockerErrorOf(dockerClient({ socketPath: path }).get("/version"));
      assert.equal(error.kind, "absent");
      assert.match(error.message, /it is no socket\. .*--docker-socket PATH/u);
      assert.equal(
        (await dockerErrorOf(dockerClient({ socketPath: join(path, "sock") }).get("/version"))).kind,
        "absent",
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it("maps a missing permission", () => {
    const asked = { method: "GET", path: "/version", socketPath: "/run/docker.sock" };
    for (const code of ["EACCES", "EPERM"]) {
      const error = transportError(asked, Object.assign(new Error(`connect ${code}`), { code }));
      assert.equal(error.kind, "denied");
      assert.match(error.message, /Run as root.*docker/);
    }
  });

  it("tells a missing permission on a real socket", async function () {
    needs(this, "root", isRoot());
    await chmod(docker.socketPath, 0o600);
    process.seteuid?.(65_534);
    const call = dockerErrorOf(client.get("/version"));
    process.seteuid?.(0);
    assert.equal((await call).kind, "denied");
  });

  it("ends at its deadline where no headers come", async () => {
    docker.faults.set("/networks", () => undefined);
    const error = await dockerErrorOf(client.get("/networks", quick));
    assert.equal(error.kind, "timeout");
    assert.match(error.message, /within 80 ms/);
    await until("connection closed", () => docker.connections.size === 0);
  });

  it("ends at its deadline in the middle of a body, also one that trickles", async () => {
    docker.faults.set("/networks", (response) => {
      response.writeHead(200).flushHeaders();
      const drip = setInterval(() => response.write(" "), 10);
      response.on("close", () => clearInterval(drip));
    });
    assert.equal((await dockerErrorOf(client.get("/networks", quick))).kind, "timeout");
    await until("connection closed", () => docker.connections.size === 0);
  });

  it("ends at its deadline, or is refused, where a stopped engine takes no connection", async () => {
    const path = `${docker.socketPath}.stopped`;
    const code = `require("net").createServer().listen({path:process.argv[1],backlog:1},()=>console.log("up"))`;
    const child = spawn(process.execPath, ["-e", code, path], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(child.stdout, "data");
      child.kill("SIGSTOP");
      const calls = Array.from({ length: 6 }, async () =>
        dockerErrorOf(dockerClient({ socketPath: path }).ping(quick)),
      );
      const kinds = new Set((await Promise.all(calls)).map((error) => error.kind));
      // Those that fit in the queue wait, the others get EAGAIN.
      assert.deepEqual([...kinds].toSorted(), ["refused", "timeout"]);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });

  it("ends at once with the caller's reason, before, during and after the headers", async () => {
    docker.faults.set("/networks", () => undefined);
    docker.faults.set("/half", (response) => response.write("["));
    const reason = new Error("enough");
    await assert.rejects(client.get("/networks", { signal: AbortSignal.abort(reason) }), reason);
    for (const path of ["/networks", "/half"]) {
      const caller = new AbortController();
      const call = client.get(path, { signal: caller.signal });
      await until("asked", () => docker.asked.includes(path));
      caller.abort(reason);
      await assert.rejects(call, reason);
    }
    await until("connections closed", () => docker.connections.size === 0);
  });

  it("tells an answer that is not JSON, and one that is cut", async () => {
    docker.faults.set("/a", (response) => response.end("<html>"));
    docker.faults.set("/b", (response) => {
      response.write('[{"Id":');
      setTimeout(() => response.destroy(), 10);
    });
    docker.faults.set("/c", (response) => {
      response.writeHead(200, { "content-length": 100 }).write("[");
      setTimeout(() => response.destroy(), 10);
    });
    docker.faults.set("/d", (response) => response.end());
    for (const [path, kind] of Object.entries({ "/a": "garbage", "/b": "refused", "/c": "refused", "/d": "garbage" })) {
      assert.equal((await dockerErrorOf(client.get(path))).kind, kind, path);
    }
    assert.match((await dockerErrorOf(client.get("/a"))).message, /not JSON \(it begins "<html>"\)/);
  });

  it("tells what is not HTTP, and what closes without a word", async () => {
    const path = `${docker.socketPath}.other`;
    let word = "SSH-2.0-OpenSSH\r\n";
    const server = createServer((socket) => socket.end(word)).listen(path);
    try {
      await once(server, "listening");
      const other = dockerClient({ socketPath: path });
      assert.equal((await dockerErrorOf(other.get("/version"))).kind, "garbage");
      word = "";
      assert.equal((await dockerErrorOf(other.get("/version"))).kind, "refused");
    } finally {
      server.close();
    }
  });

  it("gives the engine's own message with the status, as JSON or as text", async () => {
    docker.faults.set("/a", (response) => json(response, { message: "no such container: a" }, 404));
    docker.faults.set("/b", (response) => response.writeHead(500).end("boom\n"));
    docker.faults.set("/c", (response) => json(response, [1], 403));
    const [a, b, c] = [
      await dockerErrorOf(client.get("/a")),
      await dockerErrorOf(client.get("/b")),
      await dockerErrorOf(client.get("/c")),
    ];
    assert.deepEqual([a.kind, a.status, b.status, c.status], ["status", 404, 500, 403]);
    assert.match(a.message, /it answered 404: no such container: a\.$/);
    assert.match(b.message, /500: boom/);
    assert.match(c.message, /403: \[1\]/);
  });

  it("refuses a body over its cap without reading it all", async () => {
    docker.faults.set("/big", (response) => {
      const fill = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", fill);
      fill();
    });
    const error = await dockerErrorOf(client.get("/big"));
    assert.equal(error.kind, "garbage");
    assert.match(error.message, /longer than 100000 bytes/);
    await until("connection closed", () => docker.connections.size === 0);
  });

  it("refuses a path or method that could change the request", async () => {
    for (const path of ["networks", "/a b", "/a\r\nX: 1", "/ü"]) await assert.rejects(client.get(path), TypeError);
    await assert.rejects(client.request("GET /", "/"), TypeError);
  });

  it("streams objects as they come, past the deadline", async () => {
    const stream = await client.stream("/events", quick);
    setTimeout(() => docker.emit({ a: "ö" }), 150);
    assert.deepEqual(await stream.next(), { done: false, value: { a: "ö" } });
    await stream.return(undefined);
    await until("connection closed", () => docker.connections.size === 0);
  });

  it("has a deadline for a stream's headers, and tells its status", async () => {
    docker.faults.set("/events", () => undefined);
    assert.equal((await dockerErrorOf(client.stream("/events", quick))).kind, "timeout");
    docker.faults.set("/events", (response) => json(response, { message: "no" }, 403));
    assert.equal((await dockerErrorOf(client.stream("/events"))).status, 403);
  });

  it("ends a stream by its signal, whether it is being read or not", async () => {
    for (const read of [true, false]) {
      const caller = new AbortController();
      const stream = await client.stream("/events", { signal: caller.signal });
      const next = read ? stream.next() : undefined;
      caller.abort(new Error("enough"));
      await assert.rejects(next ?? stream.next(), /enough/);
      await until("connection closed", () => docker.connections.size === 0);
    }
  });

  it("returns at a stream's end, throws where it is cut, holds garbage or a line too long", async () => {
    assert.deepEqual(await readEvents(docker, client, '{"a":1}\n\n{"a":2}\r\n', "end"), [{ a: 1 }, { a: 2 }]);
    for (const [text, end, kind, message] of [
      ['{"a":1}\n{"a"', "end", "garbage", /middle of a line, after 4 bytes/],
      ['{"a":1}\n', "destroy", "refused", /GET \/events: the connection ended.*running/],
      ['{"a":1}\nno\n', "end", "garbage", /not JSON: "no"/],
      ["x".repeat(1001), "end", "garbage", /more than 1000 bytes/],
    ] as const) {
      const error = await dockerErrorOf(readEvents(docker, client, text, end));
      assert.equal(error.kind, kind);
      assert.match(error.message, message);
    }
  });
});

async function readEvents(docker: ScriptedDocker, client: DockerClient, text: string, end: "end" | "destroy") {
  docker.faults.set("/events", (response) => {
    response.write(text);
    setTimeout(() => response[end](), 10);
  });
  const all: unknown[] = [];
  for await (const line of await client.stream("/events?since=1")) all.push(line);
  return all;
}
