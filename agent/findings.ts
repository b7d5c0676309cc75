import type { Findings, Found } from "../collectors/collector.ts";
import type { Draft } from "../pipelines/record/stamp.ts";

/** So many changes of one look are noted singly; the rest is counted. */
const most = 50;

/** Notes in the journal what one look found otherwise than the look before it. The first finds everything new. */
export function noteFindings(write: (draft: Draft) => void): (findings: Findings) => void {
  let before: ReadonlyMap<string, Found> = new Map();
  return (findings) => {
    const now = keyed(findings, before);
    const drafts = changesOf(before, now);
    drafts.slice(0, most).forEach(write);
    const left = drafts.length - most;
    if (left > 0)
      write({ kind: "finding", message: `and ${left} more findings changed: \`overlaywatch doctor\` shows them` });
    before = now;
  };
}

/** What could not be looked at stays as it was known. */
function keyed({ found, unseen }: Findings, before: ReadonlyMap<string, Found>): ReadonlyMap<string, Found> {
  const kept = [...before.values()].filter(({ netns }) => netns !== undefined && unseen.has(netns));
  return new Map([...kept, ...found].map((one) => [keyOf(one), one]));
}

/** The row, not how it is put: an active one's evidence says how often it was seen. */
const keyOf = ({ finding, netns = "" }: Found): string =>
  [netns, finding.class, finding.mac ?? "", finding.ip ?? "", finding.device ?? ""].join(" ");

function changesOf(before: ReadonlyMap<string, Found>, now: ReadonlyMap<string, Found>): readonly Draft[] {
  const changed = [...now].filter(([key, { finding }]) => before.get(key)?.finding.state !== finding.state);
  const gone = [...before].filter(([key]) => !now.has(key));
  return [
    ...changed.map(([, found]) => draftOf(found, found.finding.state)),
    ...gone.map(([, found]) => draftOf(found, "gone")),
  ];
}

function draftOf({ finding, network, netns }: Found, state: NonNullable<Draft["state"]>): Draft {
  const { class: of, container, ip, mac, device, evidence } = finding;
  const who = container ?? ip ?? mac ?? "the host";
  const where = network === undefined ? "" : ` on ${network.name}`;
  const message = `${who}${where}: ${of} is ${state}: ${evidence}`;
  const place = { network: network?.name, networkId: network?.id, netns, container, ip, mac, dev: device };
  return { kind: "finding", message, state, class: of, ...known(place) };
}

/** Without what is not known. */
function known<K extends string>(all: Readonly<Record<K, string | null | undefined>>): Partial<Record<K, string>> {
  const found: Partial<Record<K, string>> = {};
  for (const key in all) {
    const value = all[key];
    if (value !== null && value !== undefined) found[key] = value;
  }
  return found;
}
