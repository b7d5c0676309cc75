import assert from "node:assert/strict";
import { addressOf, endpointOf } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { inOverlay, type OverlayTable, overlayTable } from "../../lab/overlay-table.ts";
import { pause } from "../../lab/process.ts";
import { useLab } from "../lab/fixture.ts";
import { figure, sized } from "./length.ts";
import { endAll, start } from "./program.ts";
import { Treatment } from "./treatment.ts";

const chatty = ["A1", "B1", "C1", "D1"];

/** Frames with a source address of the caller's, by the vxlan device: they come straight back, and the bridge learns it there. */
const inject = `import socket, sys, time
device, target, *sources = sys.argv[1:]
raw = lambda mac: bytes.fromhex(mac.replace(":", ""))
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((device, 0))
while True:
    for source in sources:
        for _ in range(10):
            out.send(raw(target) + raw(source) + b"\\x88\\xb5" + bytes(46))
    time.sleep(0.05)
`;

describe("accept: what is pinned stays", function () {
  this.timeout(sized(300_000, 120_000));
  const lab = useLab();
  let host: LabHost;
  let here: Treatment;
  let table: OverlayTable;

  before("two more containers", async () => {
    host = lab().host(1);
    for (const name of ["C1", "D1"]) await host.run(name, { network: "testnet" });
    const { NetworkID } = await endpointOf(host, "A1");
    table = await overlayTable(host, NetworkID);
  });
  after("containers", async () => {
    for (const name of ["C1", "D1"]) await host.api("DELETE", `/containers/${name}?force=true`);
  });
  beforeEach(() => {
    here = new Treatment(lab(), host);
  });
  afterEach(async () => {
    endAll();
    lab().stopTraffic();
    await lab().unpin();
    await lab().mend();
    here.forget();
  });

  const pinned = async (): Promise<string> => {
    await lab().break();
    const { code, json } = await here.cleanup("--apply", "--strategy", "pin");
    assert.equal(code, 10, JSON.stringify(json));
    return json.undo ?? "";
  };

  const seconds = sized(60, 10);
  it(`through ${seconds} s of rows that come again, forced learning and ARP storms no packet is lost`, async () => {
    await pinned();
    const macs = await Promise.all(["A1", "B1"].map(async (name) => (await endpointOf(host, name)).MacAddress));
    const script = ["/usr/bin/python3", "-c", inject, table.vxlan, macs[1]!, ...macs];
    const forced = start(host.argv(["nsenter", `--net=${table.netns}`, ...script]), host.environment());
    await lab().startChatty({ host: 1, containers: chatty });
    const ping = await lab().ping("A1", "B1", 50);
    const end = Date.now() + seconds * 1000;
    let rounds = 0;
    for (; Date.now() < end; rounds++) {
      for (const [index, name] of ["A1", "B1"].entries()) {
        const ip = await addressOf(host, name);
        await inOverlay(host, table, [
          "ip",
          "neigh",
          "replace",
          ip,
          "lladdr",
          macs[index]!,
          "dev",
          table.vxlan,
          "nud",
          "permanent",
        ]);
        await inOverlay(host, table, [
          "bridge",
          "fdb",
          "append",
          macs[index]!,
          "dev",
          table.vxlan,
          "dst",
          host.vtep,
          "self",
          "permanent",
        ]);
      }
      await pause(200);
    }
    const { sent, received } = await ping.stop();
    assert.equal(forced.child.exitCode, null, `frames were injected to the end: ${forced.err()}`);
    const pins = await here.pins();
    for (const mac of macs)
      assert.ok(
        pins.some((pin) => pin.startsWith(mac)),
        `${mac} is pinned: ${pins.join("; ")}`,
      );
    figure(`${seconds} s, ${rounds} times both rows, forced learning 400 times a second: ${received} of ${sent} pings`);
    assert.ok(received >= sent - 1 && sent > seconds * 40);
  });
});
