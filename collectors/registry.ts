import { interfaces } from "./interfaces/collector.ts";

/** The one list: a folder beside this file, and one line here. */
export const collectors = [interfaces] as const;
