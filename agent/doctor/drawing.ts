import { printable } from "../../emit/console/table.ts";
import { widthOf } from "../../emit/console/width.ts";
import {
  isPinned,
  rowsOnVxlan,
  type Subnet,
  subnetOfEndpoint,
  type View,
  viewOf,
} from "../../overlay/diagnose/view.ts";
import type { Endpoint } from "../../overlay/endpoints.ts";
import type { Examined } from "../../overlay/examine/examination.ts";
import type { Paint } from "./placed.ts";
import { peersOf, type Peer } from "./peers.ts";
import { fitted, wrapped } from "./wrap.ts";

/** Healthy containers that are drawn; of more, only so many, and how many they are. */
const mostHealthy = 6;

const longestName = 18;

const marks = { lost: "✗", latent: "~", pinned: "=", well: " " } as const;
type Mark = keyof typeof marks;

interface Drawn {
  readonly endpoint: Endpoint;
  readonly mark: Mark;
}

/** One overlay: containers, their ports, the bridge, the vxlan device and who is behind it. */
export function drawingOf(
  examined: Examined,
  ownVteps: ReadonlySet<string>,
  columns: number,
  paint: Paint,
): readonly string[] {
  const view = viewOf(examined.input);
  const drawn = (view.input.endpoints ?? []).map((endpoint) => ({ endpoint, mark: markOf(examined, view, endpoint) }));
  const subnets = view.subnets.flatMap((subnet, index) => {
    const own = drawn.filter(({ endpoint }) => (subnetOfEndpoint(view, endpoint) ?? view.subnets[0]) === subnet);
    return [...(index > 0 ? [""] : []), ...subnetLines({ view, subnet, drawn: own, ownVteps, columns, paint })];
  });
  return [titleOf(examined, paint), ...subnets, ...legend(drawn)];
}

function titleOf({ input, driver }: Examined, paint: Paint): string {
  const { network, file, encrypted } = input;
  const name =
    network === undefined ? `namespace ${printable(file)}` : `overlay ${paint("bold", printable(network.name))}`;
  const of = network === undefined ? "of no network that Docker tells of" : `${driver}, namespace ${printable(file)}`;
  return `${name} (${of}${encrypted === true ? ", encrypted" : ""})`;
}

function markOf({ findings }: Examined, view: View, endpoint: Endpoint): Mark {
  const own = findings.filter(({ mac, container }) => container !== null && mac === endpoint.mac);
  if (own.some(({ state }) => state === "active")) return "lost";
  if (isPinned(view, endpoint)) return "pinned";
  return own.some(({ state }) => state === "latent") ? "latent" : "well";
}

interface Scene {
  readonly view: View;
  readonly subnet: Subnet;
  readonly drawn: readonly Drawn[];
  readonly ownVteps: ReadonlySet<string>;
  readonly columns: number;
  readonly paint: Paint;
}

const corner = (index: number): string => (index === 0 ? "┐" : "┤");

function subnetLines(scene: Scene): readonly string[] {
  const { subnet, paint } = scene;
  const { shown, hidden } = chosen(scene.drawn);
  const name = widest(shown.map(({ endpoint }) => fitted(printable(endpoint.owner.name), longestName)));
  const ip = widest(shown.map(({ endpoint }) => endpoint.ip || "no address"));
  const port = widest(shown.map(portOf));
  const rail = 2 + name + 2 + ip + 4 + port + 3;
  const lines = shown.map((one, index) => {
    const text = [
      `${marks[one.mark]} ${padded(fitted(printable(one.endpoint.owner.name), longestName), name)}`,
      `${padded(one.endpoint.ip || "no address", ip)} ── ${padded(portOf(one), port)} ──`,
    ].join("  ");
    return one.mark === "lost" ? `${paint("red", text)}${corner(index)}` : `${text}${corner(index)}`;
  });
  const quiet = shown.some(({ mark }) => mark !== "lost") ? ", none of them cut off" : "";
  const more = hidden === 0 ? [] : [`${padded(`  and ${hidden} more${quiet}`, rail - 3)} ──┤`];
  return [...lines, ...more, ...trunk(scene, rail, subnet)];
}

/** Those that something is to be said about, all of them where they are not many. */
function chosen(drawn: readonly Drawn[]): { readonly shown: readonly Drawn[]; readonly hidden: number } {
  const rank = { lost: 0, latent: 1, pinned: 1, well: 1 } as const;
  const sorted = drawn.toSorted((a, b) => rank[a.mark] - rank[b.mark]);
  const lost = sorted.filter(({ mark }) => mark === "lost").length;
  const most = lost + mostHealthy;
  const shown = sorted.length <= most + 1 ? sorted : sorted.slice(0, most);
  return { shown, hidden: sorted.length - shown.length };
}

const portOf = ({ endpoint }: Drawn): string => printable(endpoint.veth?.name ?? "port?");

/** From the bridge down to the vxlan device and the hosts behind it. */
function trunk({ view, subnet, drawn, ownVteps, columns, paint }: Scene, rail: number, { vxlan, bridge }: Subnet) {
  const astray = drawn.filter(({ endpoint, mark }) => mark === "lost" && rowsOnVxlan(view, endpoint.mac).length > 0);
  const indent = " ".repeat(Math.max(4, Math.min(rail, columns - 26)));
  const line = (text: string): string => `${indent}${text}`;
  const wrong = astray.map(({ endpoint }) => printable(endpoint.owner.name)).join(", ");
  const arrow =
    wrong === "" ? [] : [line(paint("red", `│ ✗ ${fitted(`sends ${wrong} this way`, columns - indent.length - 4)}`))];
  const lost = new Set(drawn.filter(({ mark }) => mark === "lost").map(({ endpoint }) => endpoint.mac));
  const peers = peersOf(view, subnet, ownVteps, lost);
  return [
    line(printable(bridge ?? "no bridge")),
    ...(arrow.length > 0 ? arrow : [line("│")]),
    line(`${printable(vxlan.name)}${vxlan.vxlan === undefined ? "" : `  vni ${vxlan.vxlan.vni}`}`),
    ...peers.flatMap((peer, index) => peerLines(peer, index === peers.length - 1, indent, columns, paint)),
  ];
}

function peerLines({ text, wrong }: Peer, last: boolean, indent: string, columns: number, paint: Paint) {
  const color = (part: string): string => (wrong ? paint("red", part) : part);
  const [lead, below] = last ? ["└── ", "    "] : ["├── ", "│   "];
  return wrapped(text, columns - indent.length - 6, "").map(
    (line, index) => `${indent}${index === 0 ? lead : `${below}  `}${color(fitted(line, columns - indent.length - 6))}`,
  );
}

function legend(drawn: readonly Drawn[]): readonly string[] {
  const words = { lost: "✗ cut off now", latent: "~ wrong rows that harm nobody now", pinned: "= pinned", well: "" };
  const used = (["lost", "latent", "pinned"] as const).filter((mark) => drawn.some((one) => one.mark === mark));
  return used.length === 0 ? [] : [used.map((mark) => words[mark]).join("   ")];
}

const widest = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, widthOf(text)), 0);

const padded = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)));
