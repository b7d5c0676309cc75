/** A JSON value as the Datadog API takes it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };
export type ObjectKind = "webhook" | "monitor" | "dashboard"; // dependency order: webhooks, monitors, dashboards

/** One object as it should be in the Datadog organisation. */
export interface Desired {
  readonly kind: ObjectKind;
  /** Unique within its kind, lower-case with dashes; for a webhook its very name. */
  readonly key: string;
  /** For messages: the file that defines it, with line where known. */
  readonly origin: string;
  /** Body for POST, complete; a monitor has the tags `managed-by:overlaywatch` and `overlaywatch-key:<key>`; a dashboard's description ends with the line `Managed by overlaywatch: <key>`. */
  readonly body: JsonObject;
}
