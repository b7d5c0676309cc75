/** A JSON value as the Datadog API takes it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };
/** In the order in which they depend on each other: a monitor's message mentions a webhook. */
export type ObjectKind = "webhook" | "monitor" | "dashboard";

/** One object as it should be in the Datadog organisation. */
export interface Desired {
  readonly kind: ObjectKind;
  /** Unique within its kind, lower-case with dashes; for a webhook its very name. */
  readonly key: string;
  /** For messages: the file that defines it, with line where known. */
  readonly origin: string;
  /**
   * Body for POST, complete; a monitor has the tags `managed-by:overlaywatch` and `overlaywatch-key:<key>`; a
   * dashboard's description ends with the line `Managed by overlaywatch: <key>`.
   */
  readonly body: JsonObject;
}

/** What a monitor is owned by: it can be looked up by these. */
export const ownerTags = (key: string): readonly string[] => ["managed-by:overlaywatch", `overlaywatch-key:${key}`];
/** Dashboards take no tags but `team:`, so the description has it. */
export const ownerLine = (key: string): string => `Managed by overlaywatch: ${key}`;
