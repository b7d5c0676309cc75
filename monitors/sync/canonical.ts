import type { JsonObject, ObjectKind } from "../desired.ts";
import { canonicalDashboard } from "./dashboard-form.ts";
import { canonicalMonitor } from "./monitor-form.ts";
import { canonicalWebhook } from "./webhook-form.ts";

const forms: Readonly<Record<ObjectKind, (body: JsonObject) => JsonObject>> = {
  webhook: canonicalWebhook,
  monitor: canonicalMonitor,
  dashboard: canonicalDashboard,
};

/**
 * The form in which a definition and the API's answer for it are equal: read-only fields and what the API adds by itself are
 * gone, lists without an order have one. Two objects that mean the same have the same form, and no others.
 */
export const canonical = (kind: ObjectKind, body: JsonObject): JsonObject => forms[kind](body);
