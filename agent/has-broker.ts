import type { Config } from "./config/schema.ts";

/** What speaks with a broker is loaded only where there is one. */
export const hasBroker = ({ broker }: Config): boolean => broker.servers.length > 0;
