import { printable, table } from "../../emit/console/table.ts";
import type { FindingState } from "../../overlay/diagnose/finding.ts";
import { isByHand, type Listed, type Paint, type Placed } from "./placed.ts";
import { fitted, wrapped } from "./wrap.ts";

const order: Readonly<Record<FindingState, number>> = { active: 0, latent: 1, mitigated: 2 };

/** So many are shown; the others are counted. */
const most = { active: 18, quiet: 6 } as const;

/** A table, active findings first, each with its evidence below. */
export function findingLines(all: readonly Listed[], columns: number, colors: boolean): readonly string[] {
  const sorted = all.toSorted((a, b) => order[a.state] - order[b.state]);
  const active = sorted.filter(({ state }) => state === "active");
  const quiet = sorted.slice(active.length);
  const shown = [...shared(active, most.active), ...shared(quiet, most.quiet)];
  if (shown.length === 0) return [];
  const hosts = shown.some(({ host }) => host !== undefined);
  const [head = "", ...rows] = table<Listed>(
    [
      ...(hosts ? [{ title: "HOST", text: ({ host = "" }: Listed) => fitted(printable(host), 30), color }] : []),
      { title: "STATE", text: ({ state }) => state, color },
      { title: "FINDING", text: (one) => one.class, color },
      { title: "CONTAINER", text: ({ container }) => fitted(printable(container ?? "-"), 20), color },
      { title: "ADDRESS", text: ({ ip, mac }) => ip ?? mac ?? "-", color },
      { title: "CURE", text: (one) => (isByHand(one) ? "by hand" : one.remedy), color },
    ],
    shown,
    colors,
  );
  const lines = rows.flatMap((row, index) => [row, ...evidence(shown[index], columns)]);
  return [
    head,
    ...lines,
    ...moreLines(
      sorted.filter((one) => !shown.includes(one)),
      columns,
    ),
  ];
}

/** The first of each host, then the second: one of a hundred hosts is not to be all that is seen. */
function shared(all: readonly Listed[], count: number): readonly Listed[] {
  const turns = new Map<string, number>();
  const ranked = all.map((one, at) => {
    const turn = turns.get(one.host ?? "") ?? 0;
    turns.set(one.host ?? "", turn + 1);
    return { one, at, turn };
  });
  const first = ranked.toSorted((a, b) => a.turn - b.turn || a.at - b.at).slice(0, count);
  return first.toSorted((a, b) => a.at - b.at).map(({ one }) => one);
}

/** What is around the overlays: a line each, active ones first. */
export function aroundLines(all: readonly Placed[], columns: number, paint: Paint): readonly string[] {
  if (all.length === 0) return [];
  const lines = all
    .toSorted((a, b) => order[a.state] - order[b.state])
    .flatMap((one) => {
      const text = `${one.class} (${one.state}): ${one.evidence}. To do: ${one.remedy}`;
      const wrap = wrapped(printable(text), columns, "  - ");
      return one.state === "active" ? wrap.map((line) => paint("red", line)) : wrap;
    });
  return ["On this host, for a person to see to:", ...lines];
}

function color({ state }: Pick<Listed, "state">): "red" | "dim" | undefined {
  if (state === "active") return "red";
  return state === "mitigated" ? "dim" : undefined;
}

function evidence(one: Listed | undefined, columns: number): readonly string[] {
  if (one === undefined) return [];
  const cure = isByHand(one) ? [`by hand: ${one.remedy}`] : [];
  const why = one.state === "active" && one.why !== undefined ? [`not healed by itself: ${one.why}`] : [];
  const texts = [one.evidence, ...cure, ...why].flatMap((text) => wrapped(printable(text), columns, "  "));
  // Never wrapped: it is to be pasted, there.
  const command = typeof one.command === "string" ? [`  ${printable(one.host ?? "")}# ${one.command}`] : [];
  return [...texts, ...command];
}

function moreLines(left: readonly Listed[], columns: number): readonly string[] {
  if (left.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { state, class: of } of left) counts.set(`${state} ${of}`, (counts.get(`${state} ${of}`) ?? 0) + 1);
  const parts = [...counts].map(([what, count]) => `${count} ${what}`);
  return wrapped(`and ${parts.join(", ")}: --json lists them`, columns, "");
}
