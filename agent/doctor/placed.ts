import type { Finding } from "../../overlay/diagnose/finding.ts";

/** Colours on a terminal, the text as it is elsewhere. */
export type Paint = (color: "red" | "dim" | "bold" | "green" | "yellow", text: string) => string;

/** A finding, with the network that it is in. */
export interface Placed extends Finding {
  readonly network: string;
}

/** Its remedy is a sentence, not the name of a strategy. */
export const isByHand = ({ remedy }: Finding): boolean => remedy.includes(" ");
