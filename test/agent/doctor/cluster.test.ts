import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clusterPage } from "../../../agent/doctor/cluster-page.ts";
import { askAll, askedTwice } from "../../../agent/doctor/cluster.ts";
import { UnavailableError, UsageError } from "../../../agent/exit-codes.ts";
import { saveBundle } from "../../../agent/explain/bundle.ts";
import type { FleetQuestions } from "../../../dispatch/fleet-questions.ts";
import { diagnoseCluster } from "../../../overlay/cluster/cluster.ts";
import type { Asked } from "../../../overlay/cluster/machines.ts";
import type { HostTables } from "../../../overlay/explain/tables.ts";
import {
  cluster,
  led,
  listing,
  ipOf,
  macOf,
  selfRow,
  silenced,
  vtepOf,
  withSpace,
} from "../../overlay/cluster/made.ts";
import { cli } from "../cli.ts";
import { useFolder } from "../folder.ts";

const update = process.env["OVERLAYWATCH_UPDATE_GOLDEN"] === "1";
const three = cluster({ hosts: 3, containers: 2 });
const wrong = led(three, 1, macOf(2, 1), vtepOf(3));
const at = (seconds: number): string => new Date(Date.UTC(2026, 10, 26, 1, 0, seconds)).toISOString();

function checkGolden(name: string, text: string): void {
  const path = `test/agent/doctor/pages/${name}.txt`;
  if (update) writeFileSync(path, text);
  assert.equal(text, readFileSync(path, "utf8"));
}

const none = async () => Promise.reject(new Error("not asked"));

describe("agent/doctor --cluster", () => {
  const { path, file } = useFolder();
  const run = async (...args: readonly string[]) =>
    cli(["doctor", "--cluster", "--config", file("empty.yaml", ""), ...args]);
  const saved = async (all: readonly Asked[], seconds: number): Promise<readonly string[]> =>
    Promise.all(
      all.flatMap((one) => {
        if (!("tables" in one)) return [];
        const to = join(path(), `${one.host}-${seconds}.json`);
        return [saveBundle(to, "/", one.tables, at(seconds)).then(() => ["--with", to])];
      }),
    ).then((pairs) => pairs.flat());

  /** All are called the same. */
  const named = async (tables: HostTables, seconds: number) => {
    const to = join(path(), `same-${seconds}.json`);
    await saveBundle(to, "/", { ...tables, host: "localhost" }, at(seconds));
    return ["--with", to];
  };

  it("judges bundles: those of one moment leave in doubt what two, 10 s apart, tell", async () => {
    const first = await saved(wrong, 0);
    const healthy = await run(...(await saved(three, 1)));
    assert.deepEqual([healthy.code, healthy.err], [0, ""]);
    assert.match(healthy.out, /^healthy: no row is wrong now \(3 hosts, 1 overlay; 0 latent\)$/mu);
    assert.equal((await run(...first)).code, 2);
    assert.equal((await run(...first, ...(await saved(wrong, 9)))).code, 2);
    const { code, out } = await run(...first, ...(await saved(wrong, 10)), "--json");
    const json: unknown = JSON.parse(out);
    assert.equal(code, 1);
    assert.ok(typeof json === "object" && json !== null);
    assert.deepEqual(Object.keys(json), ["hosts", "networks", "unjudged", "verdict"]);
    // Not of each host: told once.
    assert.equal((await run(...first, ...(await saved(wrong, 20)).slice(0, 4))).code, 2);
  });

  it("believes bundles of one moment only, and says which is of another", async () => {
    const [one, ...others] = wrong;
    assert.ok(one !== undefined);
    const at120 = async (seconds: number, far: number) => [
      ...(await saved([one], seconds)),
      ...(await saved([one], seconds + 10)),
      ...(await saved(others, far)),
      ...(await saved(others, far + 10)),
    ];
    assert.equal((await run(...(await at120(0, 120)))).code, 1);
    const day = 86_400;
    const old = await run(...(await at120(0, 25 * day)));
    assert.deepEqual([old.code, /wrong-vtep +c2-1/u.test(old.out)], [2, false], old.out);
    assert.match(old.out.replaceAll(/\s+/gu, " "), /web-1-10\.json was saved 2160000 s before the newest/u);
  });

  it("holds against each other two of each host that are 10 s and not much more apart", async () => {
    const day = 86_400;
    const all = [await saved(wrong, 0), await saved(wrong, day), await saved(wrong, day + 9)].flat();
    assert.equal((await run(...all)).code, 2);
    assert.equal((await run(...all, ...(await saved(wrong, day + 12)))).code, 1);
    // The first tellings are of different times, the second ones are not.
    const [one, ...others] = three;
    assert.ok(one !== undefined);
    const firsts = [...(await saved([one], 0)), ...(await saved(others, 300))];
    assert.equal((await run(...firsts, ...(await saved(wrong, 320)))).code, 2);
  });

  it("refuses two machines with one name, and not one machine that has a new bridge", async () => {
    const [one, two] = cluster({ hosts: 2, containers: 1 });
    assert.ok(one !== undefined && two !== undefined);
    const first = await named(one.tables, 0);
    const both = await run(...first, ...(await named(two.tables, 10)));
    assert.equal(both.code, 64);
    assert.match(both.err, /same-0\.json and .*same-10\.json are of hosts with one name, localhost, and different/u);
    const bridged = { ...one.tables, ownVteps: [...one.tables.ownVteps, "172.18.0.1"] };
    assert.equal((await run(...first, ...(await named(bridged, 20)))).err, "");
  });

  it("looks at the network that is named, by name or id", async () => {
    const all = [...(await saved(wrong, 0)), ...(await saved(wrong, 10))];
    assert.equal((await run(...all, "--network", "testnet")).code, 1);
    assert.equal((await run(...all, "--network", "8fcc19e5")).code, 1);
    const { code, err } = await run(...all, "--network", "testnett");
    assert.equal(code, 64);
    assert.match(err, /no host that answered has such an overlay network.*testnet/u);
  });

  it("lets no name of another host steer the terminal, in errors too", async () => {
    const evil = "\u001B[2Jevil\u001B]0;x\u0007";
    const all = three.map((one) => ({
      ...one,
      tables: {
        ...one.tables,
        networks: one.tables.networks.map((network) => ({
          ...network,
          name: evil,
          members: network.members.map((member) => ({ ...member, name: evil })),
        })),
      },
    }));
    const withs = await saved(all, 77);
    const { code, err } = await run(...withs, "--network", "nosuch");
    assert.equal(code, 64);
    assert.match(err, /there are .*evil/u);
    const from = withs.slice(0, 2).map((word) => word.replace("--with", "--from"));
    const explained = await cli(["explain", "nobody", "c", ...from, "--config", file("empty.yaml", "")]);
    assert.match(explained.err, /nobody: no running container .*evil/u);
    const typed = await cli(["\u001B[2Jnone"]);
    for (const text of [err, explained.err, typed.err]) assert.ok(!text.includes("\u001B"), JSON.stringify(text));
  });

  it("refuses what does not go together, and says where a fleet is asked", async () => {
    assert.match((await run("--save", "x.json")).err, /--save: it is of one host/u);
    assert.match((await cli(["doctor", "--within", "5s"])).err, /they go with --cluster/u);
    assert.match((await run("--within", "5")).err, /^overlaywatch: --within: expected a duration/u);
    assert.equal((await run("--with", join(path(), "absent"))).code, 78);
    const keyless = await run();
    assert.equal(keyless.code, 78);
    assert.match(keyless.err, /on its gateway's machine/u);
  });

  it("asks a second time only where something is not as others tell, and says so", async () => {
    const signal = new AbortController().signal;
    const said: string[] = [];
    const wanted = { network: undefined, say: (sentence: string) => void said.push(sentence), signal };
    let times = 0;
    const ask = (all: readonly Asked[]) => async () => {
      times++;
      return Promise.resolve(all);
    };
    assert.equal((await askedTwice(ask(three), wanted, 1)).verdict, "healthy");
    assert.equal((await askedTwice(ask(silenced(three, 3)), wanted, 1)).verdict, "unknown");
    assert.deepEqual([times, said], [2, []]);
    assert.equal((await askedTwice(ask(wrong), wanted, 1)).verdict, "faulty");
    assert.deepEqual([times, said.length], [4, 1]);
  });

  it("says who may have a network that nobody who answered has", async () => {
    const wanted = { network: "nosuch", say: () => undefined, signal: new AbortController().signal };
    const ask = (all: readonly Asked[]) => askedTwice(async () => Promise.resolve(all), wanted, 1);
    await assert.rejects(
      ask(silenced(three, 2)),
      (error) => error instanceof UnavailableError && /nosuch: .*web-2 did not answer: no answer$/u.test(error.message),
    );
    await assert.rejects(
      ask(three),
      (error) => error instanceof UsageError && /nosuch: no host that answered has such/u.test(error.message),
    );
  });

  it("shows of a large fleet a page that can be read, and something of each host", () => {
    const options = { colors: false, columns: 80 };
    const large = silenced(cluster({ hosts: 60, containers: 2 }), ...Array.from({ length: 20 }, (_, host) => host + 1));
    const page = clusterPage(diagnoseCluster({ now: large, before: large }), options);
    assert.ok(page.split("\n").length < 60, page);
    assert.match(
      page.replaceAll(/\s+/gu, " "),
      /web-21, web-22, web-23 and 37 more: rows of testnet for .* and 37 more, which no host/u,
    );
    const many = Array.from({ length: 30 }, (_, n) => n + 1).reduce(
      (all, n) => led(all, 1, macOf(2, n), vtepOf(3)),
      led(cluster({ hosts: 3, containers: 30 }), 3, macOf(2, 1), vtepOf(1)),
    );
    const found = clusterPage(diagnoseCluster({ now: many, before: many }), options);
    assert.match(found, /^web-3 +active +wrong-vtep/mu);
    assert.equal(found.match(/^web-1 +active/gmu)?.length, 17);
    assert.match(found, /^and 13 active wrong-vtep: --json/mu);
  });

  it("has each host's tables by the name that the fleet knows, and why of who does not answer", async () => {
    const questions: FleetQuestions = {
      hosts: async () => Promise.resolve(["web-1", "web-2"]),
      status: none,
      tables: async (hosts) =>
        Promise.resolve(
          hosts.map((host) =>
            host === "web-1" && three[0] !== undefined
              ? { host, answer: three[0].tables }
              : { host, trouble: "no answer within 15 s" },
          ),
        ),
      close: none,
    };
    const asked = await askAll(questions, new AbortController().signal);
    assert.deepEqual(asked, [three[0], { host: "web-2", trouble: "no answer within 15 s" }]);
  });

  it("shows a page: the verdict, each finding with its host and the command to run there, and what is not known", () => {
    const options = { colors: false, columns: 80 };
    const all = silenced(listing(wrong, 3, { name: "twin", ip: ipOf(2, 2), mac: macOf(2, 2) }), 4);
    checkGolden("cluster-faulty", clusterPage(diagnoseCluster({ now: all, before: all }), options));
    const quiet = silenced(
      withSpace(three, 1, ({ fdb }) => ({ fdb: [...fdb, selfRow("02:42:0a:00:63:01", vtepOf(2))] })),
      2,
    );
    checkGolden("cluster-one-silent", clusterPage(diagnoseCluster({ now: quiet, before: quiet }), options));
    const hostile = wrong.map((one) => ({ ...one, host: `${one.host}\u001B[31m\n` }));
    const page = clusterPage(diagnoseCluster({ now: hostile, before: hostile }), options);
    assert.ok(!page.includes("\u001B"), JSON.stringify(page));
  });
});
