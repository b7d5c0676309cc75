export type HopName =
  | "place"
  | "subnet"
  | "interface"
  | "arp"
  | "veth"
  | "bridge"
  | "proxy"
  | "vxlan"
  | "neighbour"
  | "self-row"
  | "route"
  | "source-address"
  | "mtu"
  | "peer-vxlan"
  | "peer-bridge"
  | "peer-veth"
  | "peer-interface"
  | "back-arp"
  | "back-bridge"
  | "back-neighbour"
  | "back-self-row"
  | "back-route"
  | "back-source-address";

/** One thing on a packet's way. */
export interface Hop {
  readonly hop: HopName;
  /** Where the command is to be run. */
  readonly host: string;
  readonly ok: boolean | "unknown";
  readonly what: string;
  /** What shows it, to be pasted. */
  readonly command: string;
  readonly why: string;
}

/** What a hop's judge answers: right where it has nothing against it. */
export interface Judged {
  readonly ok: Hop["ok"];
  readonly why: string;
}

export const right = (why: string): Judged => ({ ok: true, why });
export const wrong = (why: string): Judged => ({ ok: false, why });
export const unknown = (why: string): Judged => ({ ok: "unknown", why });
