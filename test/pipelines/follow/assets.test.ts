import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { fieldNames, fieldPrefix, kinds } from "../../../pipelines/entry.ts";
import { isRoot, needs } from "../../needs.ts";
import { privateJournal } from "./private-journal.ts";
import { MadeUpRecorder } from "./recorder.ts";

const input = z.strictObject({
  type: z.literal("journald"),
  config_id: z.string(),
  source: z.literal("overlaywatch"),
  service: z.string(),
  include_matches: z.array(z.string().regex(/^[A-Z_]+=.+$/u)),
});
const remapper = z.strictObject({
  type: z.literal("attribute-remapper"),
  name: z.string().min(1),
  is_enabled: z.literal(true),
  sources: z.array(z.string()).length(1),
  source_type: z.literal("attribute"),
  target: z.string().regex(/^[a-z_.]+$/u),
  target_type: z.enum(["attribute", "tag"]),
  target_format: z.enum(["integer", "double"]).optional(),
  preserve_source: z.boolean(),
  override_on_conflict: z.boolean(),
});
const logPipeline = z.strictObject({
  name: z.string(),
  is_enabled: z.boolean(),
  filter: z.strictObject({ query: z.literal("source:overlaywatch") }),
  tags: z.array(z.string()),
  description: z.string(),
  processors: z.array(remapper),
});

const fields: ReadonlySet<string> = new Set(["SYSLOG_IDENTIFIER", ...fieldNames.map((name) => fieldPrefix + name)]);
const { logs } = z
  .strictObject({ logs: z.array(input).length(1) })
  .parse(parse(readFileSync("assets/conf.d/journald.d/conf.yaml", "utf8")));
const matches = logs.flatMap(({ include_matches }) => include_matches);
const wanted = matches.flatMap((match) => (match.startsWith("OVERLAYWATCH_KIND=") ? [match.split("=")[1]!] : []));

describe("assets for Datadog Logs", () => {
  it("name only fields and kinds that are written", () => {
    for (const match of matches) assert.ok(fields.has(match.split("=")[0]!), match);
    for (const kind of wanted)
      assert.ok(
        kinds.some((known) => known === kind),
        kind,
      );
  });

  it("name only fields in the log pipeline that are written, each target once", () => {
    const { processors } = logPipeline.parse(JSON.parse(readFileSync("assets/logs/overlaywatch.json", "utf8")));
    for (const { sources } of processors)
      for (const source of sources) assert.ok(fields.has(source.replace(/^journald\./u, "")), source);
    const targets = processors.map(({ target }) => target);
    assert.equal(new Set(targets).size, targets.length);
  });

  it("forward what people read and no raw event, as the journal itself understands them", async function () {
    needs(this, "root", isRoot());
    needs(this, "systemd-journald", existsSync("/lib/systemd/systemd-journald"));
    this.timeout(20_000);
    const journal = await privateJournal();
    try {
      const recorder = new MadeUpRecorder();
      await journal.write(kinds.map((kind) => recorder.entry(kind)));
      journal.writeAs(0, { MESSAGE: "x", SYSLOG_IDENTIFIER: "other", OVERLAYWATCH_KIND: "summary" });
      journal.journalctl("--sync");
      // The agent adds each to one sd_journal, as journalctl does its arguments.
      const found = journal
        .journalctl("-o", "cat", "--output-fields=OVERLAYWATCH_KIND", ...matches)
        .trim()
        .split("\n");
      assert.deepEqual(found.toSorted(), kinds.filter((kind) => wanted.includes(kind)).toSorted());
    } finally {
      await journal.close();
    }
  });
});
