import { fieldNames, fieldPrefix, identifier, type FieldName } from "../entry.ts";

/** Where reading begins: at the entry of a cursor, or else at a time, in microseconds since the epoch. */
export interface Place {
  readonly cursor?: string;
  readonly read: number;
}

/** journald's word that it dropped messages (sd-messages.h, SD_MESSAGE_JOURNAL_DROPPED): with its own identifier. */
export const suppressionNotice = "a596d6fe7bfa4994828e72309e95d61e";

/** Not needed to count: `ip`'s text, addresses and places are for other readers. */
const unread: readonly FieldName[] = ["NETNS", "DEV", "IFINDEX", "MAC", "IP", "DST", "TRACE", "SHARE", "CLASS"];
const read = fieldNames.filter((name) => !unread.includes(name));

/** Fields that each entry is asked for; `__CURSOR` and the times come with any. */
const outputFields: readonly string[] = ["MESSAGE_ID", "_UID", ...read.map((name) => fieldPrefix + name)];

const common = (namespace: string): readonly string[] => [
  "-q",
  "-o",
  "export",
  // With a plus: the default namespace too, where journald's own notices may be.
  ...(namespace === "" ? [] : [`--namespace=+${namespace}`]),
];

/**
 * The recorder's entries and journald's notices from a place on. Not `--after-cursor`, which skips an entry where the cursor
 * is of one that does not match (systemd before 256): the first one is to be dropped if it has that very cursor. With
 * `follow`, entries of the current boot only (systemd 250 to 257): read to the end without it first.
 */
export function readingArgs({ cursor, read: since }: Place, namespace: string, follow: boolean): readonly string[] {
  return [
    ...common(namespace),
    ...(follow ? ["-f", "--no-tail"] : []),
    ...(cursor === undefined ? [`--since=@${(since / 1_000_000).toFixed(6)}`] : [`--cursor=${cursor}`]),
    `--output-fields=${outputFields.join(",")}`,
    `SYSLOG_IDENTIFIER=${identifier}`,
    "+",
    `MESSAGE_ID=${suppressionNotice}`,
  ];
}

/** The last entry of all, whoever wrote it. `-f -n0` with a match would lose what is written while it seeks. */
export function tailArgs(namespace: string): readonly string[] {
  return [...common(namespace), "-n1", "--output-fields=MESSAGE_ID"];
}
