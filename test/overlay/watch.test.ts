import assert from "node:assert/strict";
import type { Inventory, Network } from "../../host/docker/inventory.ts";
import { emptyInventory } from "../../host/docker/inventory.ts";
import { listeners } from "../../host/docker/listeners.ts";
import { type OverlayWatch, watchOverlays } from "../../overlay/watch.ts";
import { namespaceFolder, type NamespaceFolder } from "../host/netns/stage.ts";
import { until } from "../host/until.ts";
import { isRoot, needs } from "../needs.ts";

const overlay = (id: string, name: string, vnis: readonly number[] = []): Network => ({
  id,
  name,
  driver: "overlay",
  scope: "global",
  subnets: [],
  vnis,
});

/** Docker's inventory, as a test tells it. */
function told() {
  let inventory: Inventory = emptyInventory;
  const changed = listeners<Inventory>(() => undefined);
  return {
    view: { inventory: () => inventory, onChange: changed.add },
    networks: (...networks: readonly Network[]) => {
      inventory = { ...inventory, state: "live", revision: inventory.revision + 1, networks };
      changed.tell(inventory);
    },
  };
}

describe("overlay/watch", () => {
  let folder: NamespaceFolder;
  let docker: ReturnType<typeof told>;
  let watch: OverlayWatch;
  let logged: string[];
  let changes: string[];
  before(function () {
    needs(this, "root", isRoot());
  });
  beforeEach(() => {
    folder = namespaceFolder();
    docker = told();
    logged = [];
    changes = [];
  });
  afterEach(() => {
    watch?.close();
    folder?.clear();
  });
  const seen = () => watch.namespaces().map(({ file, kind, network }) => `${file} ${kind} ${network?.name ?? "?"}`);
  const start = (netnsDir = folder.dir) => {
    watch = watchOverlays({ netnsDir, docker: docker.view, log: (_level, message) => logged.push(message) });
    watch.onChange(() => changes.push(seen().join(", ")));
  };

  it("has at once what is there, and names it when Docker tells of the network", () => {
    folder.make("1-aaaaaaaaaa");
    folder.make("0123456789ab");
    start();
    assert.deepEqual(seen(), ["1-aaaaaaaaaa orphan ?"]);
    docker.networks(overlay("aaaaaaaaaa00", "back"));
    assert.deepEqual(seen(), ["1-aaaaaaaaaa overlay back"]);
    docker.networks(overlay("aaaaaaaaaa00", "back"), overlay("bbbbbbbbbb00", "other"));
    assert.deepEqual(changes, ["1-aaaaaaaaaa overlay back"]);
  });

  it("picks up and lets go within a second, and takes one made again for another", async () => {
    docker.networks(overlay("aaaaaaaaaa00", "back"));
    start();
    folder.place("1-aaaaaaaaaa");
    folder.make("1-aaaaaaaaaa");
    await until("it is seen", () => seen().length === 1, 1000);
    const [first] = watch.namespaces();
    folder.remove("1-aaaaaaaaaa");
    folder.make("1-aaaaaaaaaa");
    await until("another one", () => ![undefined, first?.key].includes(watch.namespaces()[0]?.key), 1000);
    folder.remove("1-aaaaaaaaaa");
    await until("it is gone", () => seen().length === 0, 1000);
  });

  it("asks inside where two networks fit, once", async () => {
    folder.make("1-aaaaaaaaaa");
    folder.run("1-aaaaaaaaaa", ["ip", "link", "add", "vx", "type", "vxlan", "id", "4098", "dstport", "4789"]);
    docker.networks(overlay("aaaaaaaaaa00", "a", [4097]), overlay("aaaaaaaaaa11", "b", [4098]));
    start();
    assert.deepEqual(seen(), ["1-aaaaaaaaaa orphan ?"]);
    await until("the right one", () => seen()[0] === "1-aaaaaaaaaa overlay b", 2000);
    docker.networks(overlay("aaaaaaaaaa00", "a", [4098]), overlay("aaaaaaaaaa11", "b", [4097]));
    assert.deepEqual(seen(), ["1-aaaaaaaaaa overlay a"]);
  });

  it("waits for a folder that is not there, and keeps what it knew of one that it can not read", async () => {
    start(folder.path("later"));
    assert.deepEqual(seen(), []);
    assert.deepEqual(logged, []);
    watch.close();
    start("/a\0b");
    assert.deepEqual(seen(), []);
    assert.match(logged.join(), /cannot list the namespaces in .*last seen are kept/);
  });

  it("tells nothing more once it is closed", async () => {
    start();
    watch.close();
    folder.make("1-aaaaaaaaaa");
    docker.networks(overlay("aaaaaaaaaa00", "back"));
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.deepEqual(changes, []);
  });
});
