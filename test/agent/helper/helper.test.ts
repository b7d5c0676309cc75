import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRoot, needs } from "../../needs.ts";
import { useFolder } from "../folder.ts";
import { asked, endOf, request, startHelper, trace } from "./helper-process.ts";

const bad: readonly (readonly [what: string, bytes: string | Uint8Array, message: RegExp])[] = [
  ["nothing", "", /ended before a whole line/],
  ["half a line", '{"v":1,"verb":"look"', /ended before a whole line/],
  ["an empty line", "\n", /one line of JSON/],
  ["two lines", request("look") + request("look"), /one line, with nothing behind it/],
  ["a byte too many", `${" ".repeat(4096)}\n`, /4096 bytes at most/],
  ["a line without an end", "x".repeat(100_000), /4096 bytes at most/],
  ["a NUL", request("look").replace("look", "lo\0ok"), /one line of JSON/],
  ["what is not UTF-8", Buffer.from([0x7b, 0xff, 0x7d, 0x0a]), /UTF-8/],
  ["a mark of byte order", `\ufeff${request("look")}`, /one line of JSON/],
  ["a list", "[]\n", /a JSON object/],
  ["another version", request("look").replace('"v":1', '"v":2'), /v: expected 1/],
  ["an unknown verb", request("undo"), /verb: expected one of hello, look, heal, tables, pause, resume$/],
  ["a verb of every object", request("constructor"), /verb: expected/],
  ["an unknown key", request("look").replace("}", ',"network":"x"}'), /has v, verb, trace, and nothing else/],
  ["a prototype", request("look").replace("}", ',"__proto__":{}}'), /nothing else/],
  ["a trace that is none", request("look").replace(trace, "../../etc"), /trace: expected/],
  ["a trace in capitals", request("look").replace(trace, trace.toUpperCase()), /trace: expected/],
];

describe("agent/helper: the process", function () {
  this.timeout(20_000);
  const folder = useFolder();
  const path = (name: string): string => join(folder.path(), name);

  it("says who it is", async () => {
    const { code, answer, err } = await asked(request("hello"));
    assert.equal(code, 0);
    assert.deepEqual([answer.verb, answer.trace], ["hello", trace]);
    assert.match(answer.version ?? "", /^\d+\.\d+\.\d+$/u);
    assert.equal(err, `trace ${trace}: hello: overlaywatch ${answer.version}\n`);
  });

  for (const [what, bytes, message] of bad)
    it(`refuses ${what}`, async () => {
      const { code, answer, err } = await asked(bytes);
      assert.deepEqual([code, answer.error?.code], [65, 65]);
      assert.match(answer.error?.message ?? "", message);
      assert.match(err, /^refused: .*\n$/u, "one line for the journal");
    });

  it("takes a request of 4096 bytes, and one that comes byte by byte", async () => {
    const long = request("hello").replace("\n", `${" ".repeat(4096 - request("hello").length)}\n`);
    assert.equal(Buffer.byteLength(long), 4096);
    assert.equal((await asked(long)).code, 0);
    const child = startHelper();
    for (const byte of request("hello")) {
      child.stdin?.write(byte);
      await sleep(2);
    }
    assert.equal((await endOf(child)).code, 0, "stdin stays open");
  });

  it("waits 5 s for a request, and no longer", async () => {
    const began = performance.now();
    const child = startHelper();
    child.stdin?.write('{"v":1');
    const { code, answer } = await endOf(child);
    assert.deepEqual([code, answer.error?.message], [65, "no whole line came within 5000 ms"]);
    assert.ok(performance.now() - began > 4900);
  });

  it("refuses settings that are wrong or not known, whatever is asked", async () => {
    for (const [name, value] of [
      ["OVERLAYWATCH_REMEDY_STRATEGY", "pins"],
      ["OVERLAYWATCH_REMEDY_HEAL", "auto"],
    ] as const) {
      const { code, answer } = await asked(request("hello"), { [name]: value });
      assert.deepEqual([code, answer.error?.code, answer.trace], [78, 78, trace]);
      assert.match(answer.error?.message ?? "", new RegExp(`^${name}: `, "u"));
    }
  });

  it("looks, and does not heal, once the configuration is not the one that its settings were made of", async function () {
    needs(this, "root", isRoot());
    const file = path("overlaywatch.yaml");
    const env = {
      OVERLAYWATCH_DOCKER_SOCKET: path("no.sock"),
      OVERLAYWATCH_PATHS_STATE_DIR: path("state"),
      OVERLAYWATCH_HELPER_CONFIG: file,
    };
    const outcomes = async (more: Readonly<Record<string, string>> = {}) =>
      Promise.all(
        ["look", "heal"].map(async (verb) => {
          const { answer } = await asked(request(verb), { ...env, ...more });
          return [answer.exit, answer.result?.refused.map(({ rule }) => rule).join()];
        }),
      );
    assert.deepEqual(await outcomes(), [
      [69, "docker"],
      [69, "docker"],
    ]);
    writeFileSync(file, "remedy: { enabled: false }\n");
    const refused = [
      [69, "docker"],
      [20, "settings"],
    ];
    assert.deepEqual(await outcomes(), refused, "it has appeared");
    assert.deepEqual(await outcomes({ OVERLAYWATCH_HELPER_CONFIG_SHA256: "0".repeat(64) }), refused, "it has changed");
    assert.deepEqual(await outcomes({ OVERLAYWATCH_HELPER_CONFIG: path("") }), refused, "it can not be read");
  });

  it("a signal does not end what has begun, and neither does who asked and went away", async function () {
    const asking = createServer();
    asking.listen(path("slow.sock"));
    await once(asking, "listening");
    const env = {
      OVERLAYWATCH_DOCKER_SOCKET: path("slow.sock"),
      OVERLAYWATCH_DOCKER_TIMEOUT: "1s",
      OVERLAYWATCH_PATHS_STATE_DIR: path("state"),
    };
    try {
      const [stays, goes] = [startHelper(env), startHelper(env)];
      const [end, gone] = [endOf(stays), once(goes, "close")];
      // Each by itself: one that is still being loaded ends by a signal.
      for (const one of [stays, goes]) {
        const connected = once(asking, "connection");
        one.stdin?.write(request("look"));
        await connected;
      }
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) stays.kill(signal);
      goes.stdout?.destroy();
      goes.stdin?.destroy();
      assert.deepEqual([(await end).code, (await end).answer.result?.outcome], [69, "unavailable"]);
      assert.deepEqual(await gone, [69, null]);
    } finally {
      asking.close();
    }
  });
});
