import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { cli } from "./cli.ts";
import { useFolder } from "./folder.ts";

describe("agent/monitors, with what is no API", () => {
  const { path } = useFolder();
  let server: Server;
  afterEach(() => void server.close());

  const plan = async (answer: RequestListener) => {
    server = createServer(answer);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const url = `http://127.0.0.1:${address.port}`;
    return cli(["monitors", "plan", "--state-dir", path(), "--api-url", url], {
      env: { DD_API_KEY: "a", DD_APP_KEY: "b" },
    });
  };

  it("says that a page is none", async () => {
    const { code, err } = await plan((_, response) => {
      response.writeHead(200, { "Content-Type": "text/html" });
      response.end("<!DOCTYPE html><html><head><title>Datadog</title></head></html>");
    });
    assert.equal(code, 1);
    assert.match(err, /a page, not an API's answer \(Datadog\); is the address the API's/u);
  });

  it("follows nobody with its keys", async () => {
    const asked: string[] = [];
    const { code, err } = await plan(({ url = "" }, response) => {
      asked.push(url);
      response.writeHead(302, { Location: "/elsewhere" });
      response.end();
    });
    assert.equal(code, 1);
    assert.match(err, /the API answered 302/u);
    assert.ok(!asked.includes("/elsewhere"));
  });
});
