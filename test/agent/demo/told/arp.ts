import type { Step } from "../../../../agent/demo/timeline.ts";
export const arp: readonly Step[] = [];
