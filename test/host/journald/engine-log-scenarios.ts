import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { readEngineLog } from "../../../host/journald/engine-log.ts";
import { openJournal } from "../../../host/journald/writer.ts";
import { NotAvailable } from "../../../host/host.ts";
import type { Scenario } from "./scenarios.ts";

const { signal } = new AbortController();
const sinceAlways = { root: "/", since: 0, signal };

const messages = async (options: Partial<Parameters<typeof readEngineLog>[0]> = {}) => {
  const { lines, cut } = await readEngineLog({ ...sinceAlways, ...options });
  return { said: lines.map(({ message }) => message), cut };
};

/** Prints lines into the journal's stream, as a unit's program does, and stays until they are read. */
function stream(identifier: string, program: string, ...lines: readonly string[]): void {
  const script = `printf '%s\\n' "$@"; journalctl --sync; sleep 0.2`;
  execFileSync("/usr/bin/systemd-cat", [`--identifier=${identifier}`, program, "-c", script, "sh", ...lines]);
}

/** As the log driver `journald` sends what a container prints. */
async function asContainer(message: string): Promise<void> {
  const journal = openJournal({ log: (level, text) => assert.fail(`${level} ${text}`) });
  journal.write({ message, priority: 6, fields: { SYSLOG_IDENTIFIER: "dockerd", CONTAINER_ID: "9bb5f9e2a1c3" } });
  await journal.close();
  execFileSync("/usr/bin/journalctl", ["--sync"]);
}

export const engineLogScenarios: Readonly<Record<string, Scenario>> = {
  "dockerd's log: none, its own lines, and no container's": async () => {
    const nothing = { name: "NotAvailable", message: /journal/i };
    await assert.rejects(messages(), nothing);
    stream("something", "/bin/sh", "change state NodeActive --> NodeFailed");
    await asContainer("Bulk sync to node x timed out");
    await assert.rejects(
      messages(),
      (error) => error instanceof NotAvailable && /no line of dockerd/.test(error.message),
    );
    copyFileSync("/bin/sh", "/run/dockerd");
    stream("something", "/run/dockerd", "by its name");
    stream("dockerd", "/bin/sh", "by its identifier", "the newest");
    assert.deepEqual(await messages(), { said: ["the newest", "by its identifier", "by its name"], cut: false });
    return undefined;
  },

  "dockerd's log: no more than was asked for, and the newest of it": async () => {
    const many = Array.from({ length: 300 }, (_, n) => `line ${n}`);
    stream("dockerd", "/bin/sh", ...many);
    const { lines } = await readEngineLog(sinceAlways);
    assert.deepEqual([lines.length, lines[0]?.message, lines.at(-1)?.message], [300, "line 299", "line 0"]);
    const few = { entries: 10, bytes: 1e9, ms: 3000 };
    assert.deepEqual(await messages({ limits: few }), { said: many.slice(-10).toReversed(), cut: true });
    const small = await messages({ limits: { bytes: 1000 } });
    assert.ok(small.cut && small.said[0] === "line 299" && small.said.length < 300);
    const [middle = 0] = lines.slice(150).map(({ at }) => at);
    const newer = await readEngineLog({ ...sinceAlways, since: middle });
    assert.ok(!newer.cut && newer.lines.length >= 151 && newer.lines.every(({ at }) => at >= middle));
    assert.deepEqual(await messages({ since: Date.now() }), { said: [], cut: false }, "quiet, and not unread");
    return undefined;
  },

  "dockerd's log: of a host whose root is mounted elsewhere": async () => {
    const root = "/run/host";
    stream("dockerd", "/bin/sh", "over there");
    await assert.rejects(messages({ root }), { name: "NotAvailable" });
    mkdirSync(`${root}/var/log`, { recursive: true });
    execFileSync("/usr/bin/mount", ["--bind", "/var/log", `${root}/var/log`]);
    assert.deepEqual(await messages({ root }), { said: ["over there"], cut: false });
    return undefined;
  },
};
