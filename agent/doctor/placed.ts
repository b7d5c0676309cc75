import { type Finding, reportClasses } from "../../overlay/diagnose/finding.ts";

/** Colours on a terminal, the text as it is elsewhere. */
export type Paint = (color: "red" | "dim" | "bold" | "green" | "yellow", text: string) => string;

/** A finding, with the network that it is in. */
export interface Placed extends Finding {
  readonly network: string;
}

/** It is around the overlays, and has a part of the page to itself. */
export const isAround = ({ class: of }: Finding): boolean => reportClasses.some((one) => one === of);

/** Its remedy is a sentence, not the name of a strategy. */
export const isByHand = ({ remedy }: Pick<Finding, "remedy">): boolean => remedy.includes(" ");

/** A line of the table: of this host, or of one of many. */
export interface Listed extends Omit<Finding, "class"> {
  readonly class: string;
  readonly host?: string;
  readonly command?: string | null;
}
