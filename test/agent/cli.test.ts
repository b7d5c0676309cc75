import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { until } from "../host/until.ts";
import { cli } from "./cli.ts";
import { useFolder } from "./folder.ts";
import { replayedHost, type ReplayedHost } from "./replayed-host.ts";

const shown = z.array(
  z.strictObject({
    metric: z.string(),
    type: z.enum(["count", "gauge"]),
    value: z.number(),
    tags: z.record(z.string(), z.string()),
  }),
);

const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

describe("agent/cli", () => {
  const { path, file } = useFolder();

  it("lists its commands, each with a line, and says more of each", async () => {
    for (const args of [[], ["help"], ["--help"], ["-h"]]) {
      const { code, out, err } = await cli(args);
      assert.deepEqual([code, err], [0, ""]);
      for (const name of ["check", "configcheck", "doctor", "lab", "quickstart", "run", "sink"])
        assert.match(out, new RegExp(`^  ${name} +\\S`, "mu"));
    }
    for (const args of [
      ["help", "check"],
      ["check", "--help"],
      ["check", "-h"],
      ["check", "interfaces", "--raw", "--help"],
    ]) {
      const { code, out } = await cli(args);
      assert.equal(code, 0);
      assert.match(out, /^usage: overlaywatch check [^]*--pause DURATION[^]*--docker-socket PATH/u);
    }
  });

  it("gives its version", async () => {
    for (const name of ["--version", "version"])
      assert.match((await cli([name])).out, /^overlaywatch \d+\.\d+\.\d+\n$/u);
  });

  it("refuses an unknown command, option, collector or operand with the one that was meant, and does nothing", async () => {
    const refused = [
      [["chekc"], "overlaywatch: chekc: there is no such command; did you mean check?\n"],
      [["help", "rnu"], "overlaywatch: rnu: there is no such command; did you mean run?\n"],
      [
        ["constructor"],
        "overlaywatch: constructor: there is no such command; there are approve, check, cleanup, completion, configcheck, demo, disconnect-stale-endpoints, docker-state-cleanup, doctor, explain, fleet, follow, helperd, lab, monitors, pause, quickstart, record, run, sink, standin, status, undo, webhook, worker\n",
      ],
      [["check", "--puase", "1s"], "overlaywatch: --puase: there is no such option; did you mean --pause?\n"],
      [["check", "--puase=1s"], "overlaywatch: --puase: there is no such option; did you mean --pause?\n"],
      [["check", "intrefaces"], "overlaywatch: intrefaces: there is no such collector; did you mean interfaces?\n"],
      [
        ["run", "nothing-like-it"],
        "overlaywatch: nothing-like-it: there is no such collector; there are interfaces, netstat, overlay, reachability, tcp, record, follow\n",
      ],
      [["configcheck", "all"], "overlaywatch: all: this command takes only options\n"],
      [["sink", "8125"], "overlaywatch: 8125: this command takes only options\n"],
      [["sink", "--udp", "99999"], "overlaywatch: --udp 99999: expected a port from 0 to 65535\n"],
      [["check", "--pause", "soon"], "overlaywatch: --pause soon: expected a duration such as 500ms, 10s, 5m or 2h\n"],
      [["run", "--for", "1000h"], "overlaywatch: --for 1000h: expected 596h at most\n"],
      [["lab"], "overlaywatch: lab: which action? There are setup, up, down, status, exec, traffic, break, mend\n"],
      [["monitors"], "overlaywatch: monitors: which action? There are validate, plan, apply, drift, adopt, destroy\n"],
      [["completion"], "overlaywatch: completion: which shell? There are bash, zsh, fish\n"],
      [
        ["run", "--sink", "datadog"],
        "overlaywatch: --sink: sinks.enabled.0: expected one of dogstatsd, influx, console, none\n",
      ],
      [["lab", "pu"], "overlaywatch: lab pu: there is no such action; did you mean up?\n"],
    ] as const;
    for (const [args, message] of refused) assert.deepEqual(await cli(args), { code: 64, out: "", err: message });
    const { code, err } = await cli(["check", "--pause"]);
    assert.equal(code, 64);
    assert.match(err, /'--pause <value>' argument missing/u);
  });

  it("refuses a bad configuration with 78, naming the key and its source", async () => {
    const config = file("c.yaml", "docker:\n  sokcet: /x\n");
    for (const command of ["check", "run", "configcheck", "sink", "quickstart"]) {
      const { code, out, err } = await cli([command, "--config", config]);
      assert.deepEqual(
        [code, out, err],
        [78, "", `overlaywatch: ${config}:2: docker.sokcet: there is no such key; did you mean socket?\n`],
      );
    }
    const flagged = await cli(["check", "--config", file("ok.yaml", ""), "--docker-socket", "tcp://h:1"]);
    assert.equal(flagged.code, 64);
    assert.match(flagged.err, /^overlaywatch: --docker-socket: docker\.socket: /u);
    const sent = await cli(["run", "--config", file("ok.yaml", ""), "--docker-socket", join(path(), "none.sock")], {
      env: { DD_DOGSTATSD_URL: "http://x" },
    });
    assert.equal(sent.code, 78);
    assert.match(sent.err, /DD_DOGSTATSD_URL/u);
    const sink = await cli(["run", "--config", file("ok.yaml", ""), "--sink", "dogstatd"]);
    assert.equal(sink.code, 64);
    assert.match(sink.err, /^overlaywatch: --sink: sinks\.enabled\.0: /u);
  });

  it("ends with 69 where there is no Docker to check", async () => {
    const socket = join(path(), "none.sock");
    const { code, out, err } = await cli(["check", "--config", file("c.yaml", ""), "--docker-socket", socket]);
    assert.deepEqual([code, out], [69, ""]);
    assert.match(err, new RegExp(`^overlaywatch: .*${socket}.*there is no such socket`, "mu"));
  });

  it("prints what is in force, as text and as JSON, and where it was set", async () => {
    const config = file("c.yaml", "tags:\n  profile: lean\n");
    const env = { DD_DOGSTATSD_URL: "udp://10.1.2.3:99", DD_TAGS: "team:net", OVERLAYWATCH_DOCKER_TIMEOUT: "1s" };
    const args = ["configcheck", "--config", config, "--docker-socket", "/d.sock"];
    const { code, out } = await cli(args, { env });
    assert.equal(code, 0);
    for (const line of [
      `# file: ${config}`,
      "  profile: lean",
      `  tags.profile  from ${config}:2`,
      "  docker.socket  from --docker-socket",
      "DogStatsD goes to udp://10.1.2.3:99 (DD_DOGSTATSD_URL); tags on everything: team:net",
    ])
      assert.ok(out.split("\n").includes(line), line);
    const json: unknown = JSON.parse((await cli([...args, "--json"], { env })).out);
    assert.deepEqual(
      z.looseObject({ file: z.string(), origins: z.record(z.string(), z.string()), tags: z.unknown() }).parse(json)
        .origins,
      {
        "docker.socket": "--docker-socket",
        "docker.timeout": "OVERLAYWATCH_DOCKER_TIMEOUT",
        "tags.profile": `${config}:2`,
      },
    );
    assert.match((await cli(["configcheck", "--example"])).out, /^# overlaywatch: every option/u);
    assert.equal(typeof JSON.parse((await cli(["configcheck", "--schema"])).out), "object");
  });

  describe("check", () => {
    let host: ReplayedHost;
    beforeEach(async () => {
      host = await replayedHost("two-networks", path());
    });
    afterEach(async () => host.remove());

    it("prints the kernel's values from one reading with --raw", async () => {
      const { code, out, err } = await cli(["check", "interfaces", "--raw", "--json", ...host.args], {
        env: { DD_TAGS: "team:net" },
      });
      assert.deepEqual([code, err], [0, ""]);
      const samples = shown.parse(JSON.parse(out));
      const rcvd = samples.filter(({ metric }) => metric === "overlaywatch.net.bytes_rcvd");
      assert.deepEqual(
        rcvd
          .map(({ value, tags }) => [tags["container_name"], tags["interface"], tags["docker_network"], value])
          .toSorted(byText),
        [
          ["A1", "eth0", "testnet", 54],
          ["A1", "eth4", "back", 200],
          ["A1", "lo", "loopback", 0],
          ["B1", "eth0", "testnet", 0],
          ["B1", "eth1", "docker_gwbridge", 1320],
          ["B1", "lo", "loopback", 0],
        ],
      );
      assert.ok(samples.every(({ type, tags }) => type === "count" && tags["team"] === "net"));
    });

    it("prints the growth over the pause", async () => {
      const result = cli(["check", "--pause", "1500ms", "--json", ...host.args]);
      await until(
        "the containers are known",
        () => host.docker.asked.filter((asked) => /^\/containers\/\w+\/json$/.test(asked)).length === 2,
      );
      // The first reading follows at once; nothing tells when it was.
      await sleep(500);
      host.turnTo(2);
      const { code, out } = await result;
      assert.equal(code, 0);
      const moved = shown
        .parse(JSON.parse(out))
        .filter(({ metric, value }) => metric === "overlaywatch.net.packets_sent" && value > 0);
      assert.deepEqual(
        moved.map(({ value, tags }) => [tags["container_name"], tags["docker_network"], value]).toSorted(byText),
        [
          ["A1", "back", 5],
          ["A1", "testnet", 4],
          ["B1", "testnet", 4],
        ],
      );
    });

    it("prints a table for people, and counts what stands at 0", async () => {
      const { code, out } = await cli(["check", "--raw", ...host.args]);
      assert.equal(code, 0);
      const [head, ...rows] = out.split("\n");
      assert.match(head ?? "", /^METRIC +TYPE +VALUE +CONTAINER +NETWORK +INTERFACE$/u);
      assert.ok(rows.some((row) => /^overlaywatch\.net\.bytes_rcvd +count +54 +A1 +testnet +eth0$/u.test(row)));
      assert.match(out, /\n\n\d+ more stand at 0; --json shows them\.\n$/u);
    });

    it("sums by the profile", async () => {
      const { out } = await cli(["check", "--raw", "--json", ...host.args], {
        env: { OVERLAYWATCH_TAGS_PROFILE: "lean" },
      });
      const rcvd = shown.parse(JSON.parse(out)).filter(({ metric }) => metric === "overlaywatch.net.bytes_rcvd");
      assert.deepEqual(rcvd.map(({ tags, value }) => [tags, value]).toSorted(byText), [
        [{ docker_network: "back" }, 200],
        [{ docker_network: "docker_gwbridge" }, 1320],
        [{ docker_network: "loopback" }, 0],
        [{ docker_network: "testnet" }, 54],
      ]);
    });

    it("takes only the containers that the filter lets through, and says how many it left out", async () => {
      const { out, err } = await cli(["check", "interfaces", "--raw", "--json", ...host.args], {
        env: { OVERLAYWATCH_DOCKER_EXCLUDE: "B*" },
      });
      assert.deepEqual([...new Set(shown.parse(JSON.parse(out)).map(({ tags }) => tags["container_name"]))], ["A1"]);
      assert.equal(err, "interfaces: left out: 1 filtered\n");
    });

    it("says what could not be read, prints the rest, and lets no name steer the terminal", async () => {
      mkdirSync(join(path(), "root/proc"), { recursive: true });
      host.turnTo(1);
      const pid = /"Pid":(\d+)/u.exec(JSON.stringify([...host.docker.containers.values()][0]))?.[1] ?? "";
      file(`root/proc/${pid}/net/dev`, `\n\n  \u009B31m\u001B[2J: 1 2\n`);
      const { code, out, err } = await cli(["check", "interfaces", "--raw", "--json", ...host.args]);
      assert.equal(code, 0);
      assert.match(
        err,
        new RegExp(`^interfaces: partial: /proc/${pid}/net/dev: not the kernel's form: [^\\p{C}]*\\n$`, "u"),
      );
      assert.deepEqual([...new Set(shown.parse(JSON.parse(out)).map(({ tags }) => tags["container_name"]))], ["B1"]);
    });
  });
});
