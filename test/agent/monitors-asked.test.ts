import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { join } from "node:path";
import { confirmed, locked } from "../../agent/monitors/perform.ts";
import { openLedger } from "../../monitors/sync/ledger.ts";
import { useOrganisation } from "../monitors/sync/organisation.ts";
import { memoryIo } from "./cli.ts";

const asked = async (typed: string, isTTY: boolean, isSure = false) => {
  const { io, text } = memoryIo({ isTTY });
  const stdin = Object.assign(Readable.from([`${typed}\n`]), { isTTY });
  await confirmed({ ...io, stdin }, "apply", "This is going to be done.", isSure);
  return text().err;
};

describe("agent/monitors, on a terminal", () => {
  it("asks before it changes anything, and takes nothing but the word", async () => {
    assert.match(await asked("apply", true), /This is going to be done\.\nType apply to go on: /u);
    await assert.rejects(asked("yes", true), /what was typed is not apply/u);
  });

  it("asks nothing of a job, or of who is sure", async () => {
    assert.equal(await asked("", false), "");
    assert.equal(await asked("", true, true), "");
  });
});

describe("agent/monitors, after another run", () => {
  const { open, folder } = useOrganisation();

  it("reads what that one wrote, though it was started before its end", async () => {
    const { api, ledger } = await open();
    const other = await openLedger(ledger.path);
    await other.put({ kind: "webhook", key: "a", id: "a" });
    const connection = { api, ledger, url: "https://api.example", folder: join(folder(), "state") };
    await locked(connection, memoryIo().io, (now) => now.ledger.put({ kind: "webhook", key: "b", id: "b" }));
    assert.deepEqual(
      (await openLedger(ledger.path)).records().map(({ key }) => key),
      ["a", "b"],
    );
  });
});
