import assert from "node:assert/strict";
import { endpointOf } from "../../lab/cluster.ts";
import type { LabHost } from "../../lab/host.ts";
import { overlayTable } from "../../lab/overlay-table.ts";
import type { Ends } from "./explain-faults.ts";

/** A host of the lab with its container, where faults are made by hand. */
export interface Place extends Ends {
  readonly host: LabHost;
  /** The words of a fault, by what they stand for. */
  readonly words: Readonly<Record<string, string>>;
}

/** By A1 on the first host, A2 on the second. */
export async function placeOf(host: LabHost): Promise<Place> {
  const name = `A${host.number}`;
  const { IPAddress: ip, MacAddress: mac, NetworkID } = await endpointOf(host, name);
  const { netns, vxlan } = await overlayTable(host, NetworkID);
  const { State } = await host.inspect(name);
  const [, index = ""] =
    /eth0@if(\d+)/.exec((await host.inNetworkOf(name, ["ip", "-o", "link", "show", "eth0"])).stdout) ?? [];
  const links = (await host.exec(["nsenter", `--net=${netns}`, "ip", "-o", "link"])).stdout;
  const [, veth = ""] = new RegExp(`^${index}: ([^@:]+)`, "m").exec(links) ?? [];
  const words = { OVERLAY: `nsenter --net=${netns}`, VXLAN: vxlan, [name]: `nsenter -t ${State.Pid} -n` };
  return { host, vtep: host.vtep, ip, mac, veth, words };
}

/** A fault's text, run there. */
export async function shellAt({ host, words }: Pick<Place, "host" | "words">, text: string) {
  const command = Object.entries(words).reduce(
    (all, [word, means]) => all.replaceAll(new RegExp(`\\b${word}\\b`, "g"), means),
    text,
  );
  const { code, stdout, stderr } = await host.exec(["/bin/sh", "-c", command]);
  return { code, said: `${stdout}${stderr}`.trim(), command };
}

export async function changeAt(place: Place, text: string): Promise<void> {
  const { code, said, command } = await shellAt(place, text);
  assert.equal(code, 0, `${command}: ${said}`);
}
