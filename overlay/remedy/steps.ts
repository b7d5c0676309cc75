import { isLoop } from "../diagnose/local.ts";
import { addressesOf, decidingRows, isPinned, rowsOnVxlan, type View } from "../diagnose/view.ts";
import type { Endpoint } from "../endpoints.ts";
import type { FdbRow } from "../fdb.ts";
import { type Place, placeOf } from "../safety.ts";
import type { Change } from "./change.ts";

/** A change with what puts the state before it back. */
export interface Step {
  readonly change: Change;
  readonly undo: Change | undefined;
  readonly reason: string;
}

interface Patient {
  readonly view: View;
  readonly endpoint: Endpoint;
}

type StepsOf = (patient: Patient, place: Place, ownVteps: ReadonlySet<string>) => readonly Step[];

const byStrategy: Readonly<Record<"pin" | "clean" | "arp" | "learning-off", StepsOf>> = {
  pin: (patient, place) => pin(patient, place),
  clean: (patient, place, ownVteps) => [
    ...neighbours(patient, place),
    ...selfRows(patient, place, ownVteps),
    ...learned(patient, place),
  ],
  arp: (patient, place) => neighbours(patient, place),
  "learning-off": (patient, place) => [...learningOff(place), ...learned(patient, place)],
};

/** What a strategy does for one endpoint; nothing where it is done already. */
export function stepsOf(
  patient: Patient,
  strategy: keyof typeof byStrategy,
  ownVteps: ReadonlySet<string>,
): readonly Step[] {
  const place = placeOf(patient.view, patient.endpoint);
  return place === undefined ? [] : byStrategy[strategy](patient, place, ownVteps);
}

function pin({ view, endpoint }: Patient, { veth }: Place): readonly Step[] {
  const { mac } = endpoint;
  if (isPinned(view, endpoint)) return [];
  const [before] = decidingRows(view, mac);
  const change = { kind: "pin", mac, dev: veth.name, ifindex: veth.ifindex } as const;
  return [
    {
      change,
      undo: before === undefined ? dropRow(mac, veth.name) : rowBack(before),
      reason: "keeps the MAC on its port",
    },
  ];
}

const dropRow = (mac: string, dev: string): Change => ({ kind: "drop-bridge-row", mac, dev });
const rowBack = ({ mac, ifname }: FdbRow): Change => ({ kind: "put-bridge-row", mac, dev: ifname });

/** Only the pair that Docker tells: a row with another address, or another MAC, may be somebody else's. */
function neighbours({ view, endpoint }: Patient, { subnet }: Place): readonly Step[] {
  const addresses = addressesOf(endpoint);
  return view.input.tables.neighbours
    .filter(({ ip, dev, mac }) => dev === subnet.vxlan.name && mac === endpoint.mac && addresses.includes(ip))
    .map(({ ip, dev }) => ({
      change: { kind: "drop-neighbour", ip, dev },
      undo: { kind: "put-neighbour", ip, mac: endpoint.mac, dev },
      reason: "the vxlan device answers ARP for a local container",
    }));
}

/** With the `dst` that was read: a delete with another one succeeds and deletes nothing. */
function selfRows({ view, endpoint }: Patient, { subnet }: Place, ownVteps: ReadonlySet<string>): readonly Step[] {
  const { mac } = endpoint;
  return (view.selfRows.get(mac) ?? []).flatMap(({ dst, ...row }): readonly Step[] => {
    if (dst === undefined || row.ifname !== subnet.vxlan.name || !isLoop({ ...row, dst }, ownVteps)) return [];
    const place = { mac, dev: row.ifname, dst };
    const undo: Change | undefined = row.state === "permanent" ? { kind: "put-self-row", ...place } : undefined;
    return [{ change: { kind: "drop-self-row", ...place }, undo, reason: "frames to it loop through this host" }];
  });
}

function learned({ view, endpoint }: Patient, { subnet }: Place): readonly Step[] {
  return rowsOnVxlan(view, endpoint.mac)
    .filter(({ ifname, state }) => ifname === subnet.vxlan.name && state !== "permanent")
    .map((row) => ({
      change: dropRow(endpoint.mac, row.ifname),
      undo: rowBack(row),
      reason: "the bridge sends a local container's frames to the vxlan device",
    }));
}

function learningOff({ subnet: { vxlan } }: Place): readonly Step[] {
  if (vxlan.portLearning === false) return [];
  const change = (on: boolean): Change => ({ kind: "learning", dev: vxlan.name, on });
  return [{ change: change(false), undo: change(true), reason: "the bridge learns wrong places on the vxlan port" }];
}
