import { interfaces } from "./interfaces/collector.ts";
import { tcp } from "./tcp/collector.ts";

/** The one list: a folder beside this file, and one line here. */
export const collectors = [interfaces, tcp] as const;
