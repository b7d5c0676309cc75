import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readContainer, readContainerIds } from "../../../host/docker/container.ts";
import { readEvent } from "../../../host/docker/event.ts";
import { UnexpectedAnswer } from "../../../host/docker/field.ts";
import { readNetworks } from "../../../host/docker/network.ts";
import { idOf, inspectOf, networkEvent } from "./scripted.ts";

// `engine-20.10` was captured from Debian's engine 20.10.24 (API 1.41), `GraphDriver` cut; `inspect-1.52.json` is
// written by the API's reference.
const fixture = (name: string): string => readFileSync(`test/host/docker/fixtures/${name}`, "utf8");
const captured = (name: string): unknown => JSON.parse(fixture(`engine-20.10/${name}.json`));

function namesField(at: string): (error: unknown) => boolean {
  return (error) => error instanceof UnexpectedAnswer && error.at === at && error.message.includes(`in ${at} where`);
}

describe("host/docker/container", () => {
  it("reads a container with labels, one network, and of the environment only what names the service", () => {
    assert.deepEqual(readContainer(captured("inspect-one")), {
      id: "747cc5d93b586b61b919dc6c908e35589715e376d43296ed41d2fa4944edcf68",
      name: "one",
      image: "bb:1",
      pid: 93,
      startedAt: Date.parse("2026-11-22T10:41:01.913Z"),
      networkMode: "front",
      sandbox: "45146d8b0a21",
      labels: { "com.docker.compose.service": "web" },
      env: { DD_ENV: "prod" },
      attachments: [
        {
          name: "front",
          networkId: "a4f971b581592a5531f42384caa4d96555799265eedcfddd0edcb8e55fa4db46",
          ipv4: "10.77.0.2",
          ipv6: "",
          mac: "02:42:0a:4d:00:02",
        },
      ],
    });
  });

  it("reads shared, missing and host networks, and a swarm's task", () => {
    const [two, three, four, task] = ["two", "three", "four", "task"].map((name) =>
      readContainer(captured(`inspect-${name}`)),
    );
    assert.match(two!.networkMode, /^container:747cc5d93b58/);
    assert.deepEqual(two!.attachments, []);
    assert.deepEqual([three!.networkMode, three!.attachments[0]!.ipv4], ["none", ""]);
    assert.equal(four!.networkMode, "host");
    const { name, networkId, ipv4 } = task!.attachments[0]!;
    assert.deepEqual([name, networkId, ipv4], ["back", "pq0vcimgxs95u0hhss3lwvv5u", "10.0.1.3"]);
    assert.equal(task!.labels["com.docker.swarm.service.name"], "web");
  });

  it("reads API 1.52, where addresses are under Networks alone", () => {
    const container = readContainer(JSON.parse(fixture("inspect-1.52.json")));
    assert.deepEqual(container?.env, { DD_SERVICE: "shop", DD_VERSION: "1=2", DD_ENV: "" });
    assert.equal(container?.startedAt, Date.parse("2026-11-20T08:15:31.500Z"));
    const [shop] = container?.attachments ?? [];
    assert.deepEqual([shop?.ipv4, shop?.ipv6, shop?.mac], ["172.20.0.2", "fd00:1::2", "86:5d:12:0e:4c:3b"]);
  });

  it("takes a paused container for running; one that has ended, never began or waits to start again for none", () => {
    assert.equal(readContainer(captured("inspect-paused"))?.pid, 93);
    for (const name of ["done", "never", "restarting"]) {
      assert.equal(readContainer(captured(`inspect-${name}`)), undefined, name);
    }
  });

  it("bears a missing name, missing networks and null for every map and list", () => {
    const id = idOf(7);
    const bare = { Name: "", Config: { Image: "x", Labels: null, Env: null }, HostConfig: null, NetworkSettings: null };
    const container = readContainer(inspectOf(id, bare));
    assert.deepEqual([container?.name, container?.networkMode, container?.attachments], [id.slice(0, 12), "", []]);
    const attached = inspectOf(id, { Name: null, NetworkSettings: { Networks: { half: null } } });
    assert.deepEqual(readContainer(attached)?.attachments, [
      { name: "half", networkId: "", ipv4: "", ipv6: "", mac: "" },
    ]);
    assert.deepEqual(readContainer(inspectOf(id, { NetworkSettings: { Networks: null } }))?.attachments, []);
  });

  it("keeps a label named like a part of every object", () => {
    const labels: unknown = JSON.parse('{"__proto__":"a","constructor":"b"}');
    const read = readContainer(inspectOf(idOf(7), { Config: { Image: "x", Labels: labels } }))?.labels ?? {};
    assert.deepEqual(Object.entries(read), [
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  it("names the field that is not what the API gives", () => {
    const state = { Running: true, Pid: 5, StartedAt: "2026-11-22T10:00:00Z" };
    for (const [at, change] of [
      ["State.Running", { State: {} }],
      ["State.Running", { State: null }],
      ["State.Pid", { State: { ...state, Pid: "5" } }],
      ["State.Pid", { State: { ...state, Pid: 1.5 } }],
      ["State.StartedAt", { State: { ...state, StartedAt: "yesterday" } }],
      ["State", { State: "running" }],
      ["Id", { Id: "../../x" }],
      ["Config.Labels", { Config: { Labels: ["a"] } }],
      ["Config.Labels.a", { Config: { Labels: { a: 1 } } }],
      ["Config.Env[1]", { Config: { Env: ["A=1", 2] } }],
      ["NetworkSettings.Networks.front.IPAddress", { NetworkSettings: { Networks: { front: { IPAddress: 1 } } } }],
    ] as const) {
      assert.throws(() => readContainer(inspectOf(idOf(7), change)), namesField(at), at);
    }
    assert.throws(() => readContainer("x"), /"x" in its root where an object/);
  });

  it("reads the ids of a list, and takes null for no list", () => {
    assert.equal(readContainerIds(captured("containers")).length, 5);
    assert.deepEqual(readContainerIds([{ Id: idOf(1), Names: [], Status: "Removal In Progress" }]), [idOf(1)]);
    assert.throws(() => readContainerIds(null), /null in its root where a list/);
    assert.throws(() => readContainerIds([{ Id: idOf(1) }, {}]), namesField("[1].Id"));
  });
});

const told = (list: string) => ({ Id: idOf(1), Options: { "com.docker.network.driver.overlay.vxlanid_list": list } });

describe("host/docker/network", () => {
  it("reads local and swarm networks", () => {
    const networks = readNetworks(captured("networks"));
    const brief = networks.map(({ name, driver, scope, subnets }) => [name, driver, scope, subnets.join()].join(" "));
    assert.deepEqual(brief.toSorted(), [
      "back overlay swarm 10.0.1.0/24",
      "bridge bridge local 172.17.0.0/16",
      "docker_gwbridge bridge local 172.18.0.0/16",
      "front bridge local 10.77.0.0/24",
      "host host local ",
      "ingress overlay swarm 10.0.0.0/24",
      "none null local ",
    ]);
    assert.equal(networks.find(({ name }) => name === "back")?.id, "pq0vcimgxs95u0hhss3lwvv5u");
  });

  it("reads the VNIs that a swarm gave its networks, and none from a list that is none", () => {
    const swarms = readNetworks(captured("networks")).filter(({ vnis }) => vnis.length > 0);
    assert.deepEqual(swarms.map(({ name, vnis }) => `${name} ${vnis.join()}`).toSorted(), [
      "back 4097",
      "ingress 4096",
    ]);
    const lists = ["4097", "4097,4098", "", ",", "x,4097", "16777216", "-1", "1e3"];
    assert.deepEqual(
      readNetworks(lists.map(told)).map(({ vnis }) => vnis),
      [[4097], [4097, 4098], [], [], [4097], [], [], []],
    );
    assert.deepEqual(readNetworks([{ Id: idOf(1), Options: null }])[0]?.vnis, []);
  });

  it("bears missing parts, both families and an empty subnet; names a wrong field", () => {
    const ipam = { Config: [{ Subnet: "10.0.0.0/24" }, { Subnet: "fd00::/64" }, { Subnet: "" }, {}] };
    assert.deepEqual(
      readNetworks([
        { Id: idOf(1), IPAM: ipam },
        { Id: idOf(2), Name: "n", IPAM: { Config: null } },
      ]),
      [
        {
          id: idOf(1),
          name: idOf(1).slice(0, 12),
          driver: "",
          scope: "",
          subnets: ["10.0.0.0/24", "fd00::/64"],
          vnis: [],
        },
        { id: idOf(2), name: "n", driver: "", scope: "", subnets: [], vnis: [] },
      ],
    );
    assert.throws(
      () => readNetworks([{ Id: idOf(1), IPAM: { Config: [{ Subnet: 1 }] } }]),
      namesField("[0].IPAM.Config[0].Subnet"),
    );
    assert.throws(() => readNetworks({}), /a list is expected/);
  });
});

describe("host/docker/event", () => {
  it("keeps of a captured life of one container what changes the inventory", () => {
    const lines = fixture("engine-20.10/events.jsonl").trim().split("\n");
    const kept = lines.map((line) => readEvent(JSON.parse(line))).filter((event) => event !== undefined);
    const brief = kept.map(({ type, action }) => `${type} ${action}`).join(", ");
    assert.equal(
      brief,
      "container destroy, network create, network connect, container start, network connect, container rename, " +
        "container update, network create, network destroy, network disconnect, network disconnect, container die, " +
        "network disconnect, container destroy",
    );
    const connects = kept.filter(({ action }) => action === "connect").map(({ container }) => container);
    assert.deepEqual(connects, [kept[3]?.id, kept[3]?.id]);
  });

  it("takes only an id for the container that a network event tells of", () => {
    const net = "n".repeat(25);
    assert.equal(readEvent(networkEvent("connect", net, idOf(1)))?.container, idOf(1));
    for (const name of ["lb-back", "..", "networks"]) {
      assert.equal(readEvent(networkEvent("disconnect", net, name))?.container, "", name);
    }
  });

  it("passes over what is not ours, and refuses what is ours and unreadable", () => {
    for (const line of [{ Type: "image", Action: "pull" }, { status: "start", id: "x" }, {}, null]) {
      assert.equal(readEvent(line), undefined);
    }
    assert.throws(() => readEvent({ Type: "container", Action: "die", Actor: {} }), namesField("Actor.ID"));
    assert.throws(() => readEvent(networkEvent("create", "../x")), namesField("Actor.ID"));
  });
});
