import { interfaces } from "./interfaces/collector.ts";
import { netstat } from "./netstat/collector.ts";
import { overlay } from "./overlay/collector.ts";
import { reachability } from "./reachability/collector.ts";
import { tcp } from "./tcp/collector.ts";

/** The one list: a folder beside this file, and one line here. */
export const collectors = [interfaces, netstat, overlay, reachability, tcp] as const;
