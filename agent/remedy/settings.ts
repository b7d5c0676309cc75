import type { Config } from "../config/schema.ts";

/** What a cleanup is told by the configuration; the helper reads it from its environment. */
export interface RemedySettings {
  readonly docker: Pick<Config["docker"], "socket" | "timeout">;
  readonly paths: Config["paths"];
  readonly remedy: Pick<Config["remedy"], "enabled" | "strategy">;
}
