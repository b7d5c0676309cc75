import { compareVersions, engineVersion, type EngineVersion, type OverlayDriver } from "./engine.ts";

/** A fault of the engine itself, as its own project tells of it. */
export interface KnownBug {
  readonly issue: string;
  readonly title: string;
  readonly driver: OverlayDriver | "both";
  /** First version that has it, and first that has it no more; open where missing. */
  readonly from?: string;
  readonly before?: string;
  readonly lookFor: string;
}

/** By age. Ranges are what the source of the tagged versions shows, not what the issues say. */
export const knownBugs: readonly KnownBug[] = [
  {
    issue: "moby/moby#29024",
    title:
      "a miss for a local address is answered by the host itself, with its own VTEP: rows for local containers on the vxlan device",
    driver: "classic",
    before: "23.0",
    lookFor:
      "PERMANENT rows for local addresses in `ip neigh show dev vxlanN`; self rows with dst own VTEP or 127.0.0.1",
  },
  {
    issue: "moby/moby#31588",
    title: "old Serf join events are played again and put rows of gone containers back",
    driver: "classic",
    before: "17.03",
    lookFor: "self rows with dst of a host that the container left long ago",
  },
  {
    issue: "moby/moby#33076",
    title:
      "the bridge keeps a MAC on the vxlan port when its remote peer is deleted: up to 300 s of loss when the address is used again",
    driver: "both",
    before: "17.06",
    lookFor: "a local MAC on the vxlan port, right after the start of a container that came from another host",
  },
  {
    issue: "moby/moby#35401",
    title:
      "the dummy row survives the container: one with the same address on another host is unreachable from here, for good",
    driver: "classic",
    from: "17.10",
    before: "23.0",
    lookFor:
      "self rows with dst own VTEP for a MAC that is not local; `peerDbDelete transient condition` in the engine's log",
  },
  {
    issue: "moby/libnetwork#962",
    title: "a peer cannot be resolved by Serf in time",
    driver: "classic",
    before: "23.0",
    lookFor: "`could not resolve peer ... timed out` in the engine's log",
  },
  {
    issue: "moby/libnetwork#1765",
    title: "a vxlan device is left in the host's namespace and its identifier with it: containers do not start",
    driver: "both",
    lookFor: "`vx-...` in `ip -d link show type vxlan` of the host; `error creating vxlan interface: file exists`",
  },
  {
    issue: "moby/moby#31208",
    title: "IPVS forgets idle connections after 900 s, both ends believe in them",
    driver: "swarm",
    lookFor: "idle connections through a virtual address hang",
  },
  {
    issue: "moby/moby#47728",
    title: "NetworkDB does not converge: nodes disagree about peers",
    driver: "swarm",
    from: "17.06",
    lookFor: "`netPeers` and `entries` in `NetworkDB stats` differ between nodes; `healthscore:` above 0",
  },
  {
    issue: "moby/moby#49908",
    title: "rows differ from a NetworkDB that is right",
    driver: "swarm",
    from: "24.0",
    before: "29.0",
    lookFor: "self rows with another dst than the task's node",
  },
  {
    issue: "moby/moby#50232",
    title: "deleting a peer uses the wrong address family and leaves its rows",
    driver: "swarm",
    from: "28.2",
    before: "28.3",
    lookFor: "rows of tasks that ended",
  },
  {
    issue: "moby/moby#52661",
    title: "an exclusive add meets a learned row: the self row of a live remote task is missing",
    driver: "swarm",
    from: "29.0",
    lookFor: "a PERMANENT neighbour without a self row; `Neighbor entry already present` in the engine's log",
  },
  {
    issue: "moby/moby#53004",
    title: "the outer source address is not the advertised VTEP: peers drop what they receive",
    driver: "swarm",
    lookFor: "packets on UDP 4789 arrive, the vxlan device receives none; `ip route get VTEP` gives another source",
  },
  {
    issue: "moby/moby#53420",
    title: "IPsec tunnels are miscounted: traffic of an encrypted overlay may go out in clear",
    driver: "swarm",
    lookFor: "`ip xfrm state`: fewer than four for each peer",
  },
];

/** Those that this engine may have; of all versions where the version can not be read. */
export function bugsOf(engine: string | undefined, driver: OverlayDriver): readonly KnownBug[] {
  const version = engine === undefined ? undefined : engineVersion(engine);
  return knownBugs.filter((bug) => (bug.driver === "both" || bug.driver === driver) && isWithin(version, bug));
}

function isWithin(version: EngineVersion | undefined, { from, before }: KnownBug): boolean {
  if (version === undefined) return true;
  const first = engineVersion(from ?? "0.0");
  const past = engineVersion(before ?? "999.0");
  if (first === undefined || past === undefined) return true;
  return compareVersions(version, first) >= 0 && compareVersions(version, past) < 0;
}
