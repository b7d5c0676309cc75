import { id, items, list, members, part, text, type Field } from "./field.ts";
import type { Network } from "./inventory.ts";

/** `GET /networks`. Throws `UnexpectedAnswer`, which names the field. */
export function readNetworks(answer: unknown): readonly Network[] {
  return list({ at: "", value: answer }).map(readNetwork);
}

function readNetwork(entry: Field): Network {
  const networkId = id(part(entry, "Id"));
  const options = part(entry, "Options");
  const subnets = items(part(entry, "IPAM", "Config")).map((config) => text(part(config, "Subnet")));
  return {
    id: networkId,
    name: text(part(entry, "Name")) || networkId.slice(0, 12),
    driver: text(part(entry, "Driver")),
    scope: text(part(entry, "Scope")),
    subnets: subnets.filter((subnet) => subnet !== ""),
    vnis: vnisIn(text(part(options, "com.docker.network.driver.overlay.vxlanid_list"))),
    ...(members(options).some(([key]) => key === "encrypted") ? { encrypted: true } : {}),
    ...(part(entry, "EnableIPv6").value === true ? { ipv6: true } : {}),
  };
}

/** Swarm's managers give them to a network, one for each subnet, as `4097,4098`. A VNI has 24 bits. */
function vnisIn(told: string): readonly number[] {
  return told
    .split(",")
    .filter((item) => /^\d{1,8}$/.test(item))
    .map(Number)
    .filter((vni) => vni < 2 ** 24);
}
