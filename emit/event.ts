import type { Tags } from "./sample.ts";

/** Something that people are told once, beside the metrics. */
export interface EventDraft {
  /** One line. */
  readonly title: string;
  /** May have several lines. */
  readonly text: string;
  readonly alertType: "info" | "success" | "warning" | "error";
  /** Events of one key are shown as one story. */
  readonly aggregationKey?: string;
  readonly tags?: Tags;
}
