import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { pageOf } from "../../../agent/doctor/page.ts";
import { type Report, reportOf, unknownReport } from "../../../agent/doctor/report.ts";
import { widthOf } from "../../../emit/console/width.ts";
import { reportClasses } from "../../../overlay/diagnose/finding.ts";
import { reportOnly } from "../../../overlay/diagnose/report-only.ts";
import { diagnose } from "../../../overlay/diagnose/diagnose.ts";
import type { DiagnoseInput, NamespaceInput } from "../../../overlay/diagnose/input.ts";
import { type Examination, withParts } from "../../../overlay/examine/examination.ts";
import { readCase } from "../../overlay/diagnose/case.ts";

const update = process.env["OVERLAYWATCH_UPDATE_GOLDEN"] === "1";
const info = { clusterStore: "", clusterAdvertise: "", swarmState: "", swarmAddress: "" };

/** As `examine` would have given it. */
function examined(input: DiagnoseInput): Examination {
  const diagnosis = diagnose(input);
  const { driver, version = "" } = input.engine;
  const namespaces = input.namespaces.map((one, index) => {
    const { findings = [], unjudged = [] } = diagnosis.namespaces[index] ?? {};
    const namespace = { ...one, path: `/run/docker/netns/${one.file}`, inode: 1 };
    return { namespace, input: one, driver, findings, unjudged };
  });
  return { ...diagnosis, engine: { ...info, name: "dockerhost1", version }, driver, input, diagnosis, namespaces };
}

const reportFor = (name: string): Report => reportOf(examined(readCase(`test/overlay/diagnose/cases/${name}`)), []);

const plain = (report: Report) => pageOf(report, { colors: false, columns: 80 });

function checkGolden(name: string, text: string): void {
  const path = `test/agent/doctor/pages/${name}.txt`;
  if (update || !existsSync(path)) writeFileSync(path, text);
  assert.equal(text, readFileSync(path, "utf8"));
}

/** The broken pair's network with so many containers, of which the first two are the pair. */
function crowd(count: number, name = (n: number) => `shop_worker_${n}`): Report {
  const input = readCase("test/overlay/diagnose/cases/broken-outage");
  const [one] = input.namespaces;
  assert.ok(one?.endpoints !== undefined);
  const veth = one.tables.links.find(({ kind }) => kind === "veth");
  assert.ok(veth !== undefined);
  const more = Array.from({ length: count - 2 }, (_, n) => ({
    owner: { kind: "container" as const, name: name(n), id: String(n) },
    ip: `10.0.1.${n}`,
    mac: `02:42:0a:00:01:${n.toString(16).padStart(2, "0")}`,
    veth: { ...veth, name: `veth${n + 10}`, ifindex: 100 + n },
  }));
  const links = [...one.tables.links, ...more.map((endpoint) => endpoint.veth)];
  const namespace: NamespaceInput = {
    ...one,
    tables: { ...one.tables, links },
    endpoints: [...one.endpoints, ...more],
  };
  return reportOf(examined({ ...input, namespaces: [namespace] }), []);
}

const escape = "\u001b";
const red = `${escape}[31m`;

describe("agent/doctor/page", () => {
  for (const name of [
    "healthy-classic-20.10",
    "latent-after-first-arp",
    "broken-outage",
    "pinned-poison-kept",
    "two-subnets-second-one-broken",
    "swarm-28.5-missing-self-row",
    "docker-lists-nobody",
    "namespace-of-no-known-network",
  ])
    it(`draws ${name.replaceAll("-", " ")}`, () => checkGolden(name, plain(reportFor(name))));

  it("draws thirty containers by those that something is to be said about", () => {
    const text = plain(crowd(30));
    checkGolden("thirty-containers", text);
    assert.ok(text.split("\n").length < 60);
  });

  it("fits into 80 columns, whatever containers are called", () => {
    const long = crowd(20, (n) => `${"長い名前".repeat(20)}${n}`);
    for (const line of plain(long).split("\n")) assert.ok(widthOf(line) <= 80, line);
  });

  it("lets no name steer the terminal or break a line", () => {
    const text = plain(crowd(5, (n) => `\u001b[31mevil\r\n\u202E${n}`));
    assert.ok(!/[\r\u202E]/u.test(text) && !text.includes(escape));
    assert.match(text, /evil\?+\d/);
  });

  it("has a part for what is around the overlays, active ones first", () => {
    const findings = reportClasses.map((of) =>
      reportOnly({
        class: of,
        state: of === "source-address" ? "active" : "latent",
        evidence: `what was seen of ${of}, \u001b[31min so many words that a line is not enough`,
        remedy: "what a person is to do about it",
        why: "because",
      }),
    );
    const examination = examined(readCase("test/overlay/diagnose/cases/latent-after-first-arp"));
    const text = plain(reportOf(withParts(examination, { findings, unjudged: [] }), []));
    checkGolden("around-the-overlays", text);
    assert.ok(!text.includes(escape));
    for (const line of text.split("\n")) assert.ok(widthOf(line) <= 80, line);
  });

  it("is red on a terminal only where something is active, and the same text without colours", () => {
    const report = reportFor("broken-outage");
    const painted = pageOf(report, { colors: true, columns: 80 });
    assert.ok(painted.includes(`${red}faulty`));
    assert.equal(stripVTControlCharacters(painted).replaceAll(/ +$/gmu, ""), plain(report));
    assert.ok(!pageOf(reportFor("latent-after-first-arp"), { colors: true, columns: 80 }).includes(red));
  });

  it("says why nothing could be looked at", () => {
    const text = plain(unknownReport("asked Docker at /run/docker.sock: nobody listens"));
    assert.match(
      text,
      /unknown, it could not be judged\n\nCould not be judged:\n  - all overlay networks[^]*nobody\n? *listens/,
    );
    assert.doesNotMatch(text, /cleanup/);
  });
});
