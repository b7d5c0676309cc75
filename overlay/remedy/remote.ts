import type { Finding, FindingClass } from "../diagnose/finding.ts";
import type { View } from "../diagnose/view.ts";
import type { Endpoint } from "../endpoints.ts";
import { remoteObjection } from "../safety.ts";
import type { Place } from "../truth/place.ts";
import type { Change } from "./change.ts";
import type { Step } from "./steps.ts";

/** A container of another host, whose row here is wrong or missing. */
export interface RemotePatient {
  readonly view: View;
  readonly endpoint: Endpoint;
  readonly findings: readonly Finding[];
  readonly again: false;
  readonly place: Place;
  readonly device: string;
}

const remoteClasses: readonly FindingClass[] = ["missing-fdb", "wrong-vtep"];

/** Those of which it is believed where they are. */
export function remotePatients(view: View, found: readonly Finding[], all: boolean): readonly RemotePatient[] {
  return found.flatMap((finding): readonly RemotePatient[] => {
    const { class: of, state, mac, device } = finding;
    const place = view.input.truth?.elsewhere.get(mac ?? "");
    if (!remoteClasses.includes(of) || place === undefined || device === null) return [];
    if (state !== "active" && !(all && state === "latent")) return [];
    const { name, ip } = place;
    const endpoint: Endpoint = { owner: { kind: "container", name }, ip, mac: place.mac };
    return [{ view, endpoint, findings: [finding], again: false, place, device }];
  });
}

export const againstRemote = ({ view, place }: RemotePatient): string | undefined => remoteObjection(view, place);

/** Byte for byte the row that the engine writes. Never one more beside another: engine 29 adds its own exclusively. */
export function remoteSteps({ view, place: { mac, vtep, name }, device: dev }: RemotePatient): readonly Step[] {
  const rows = (view.selfRows.get(mac) ?? []).filter(({ ifname }) => ifname === dev);
  const before = rows.find(({ state }) => state === "permanent");
  const row = { mac, dev, dst: vtep } as const;
  if (before?.dst === vtep) return [];
  const undo: Change =
    before?.dst === undefined ? { kind: "drop-self-row", ...row } : { kind: "put-self-row", ...row, dst: before.dst };
  return [{ change: { kind: "put-self-row", ...row }, undo, reason: `${name} is told to be on ${vtep}` }];
}
