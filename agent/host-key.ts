import { hostname } from "node:os";

/** What spreads this host's runs over the interval, and names it where no engine does. */
export const hostKey = (): string => hostname();
