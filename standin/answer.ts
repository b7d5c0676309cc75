import type { Json } from "./json.ts";

/** What goes back to the client: JSON, or a page of the edge in front of the API. */
export interface Answer {
  readonly status: number;
  readonly body: Json;
  /** In place of the body. */
  readonly html?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body: Json, status = 200): Answer => ({ status, body });

/** v1 errors are always `{"errors": ["..."]}` (research/monitors.md 4.1). */
export const refusal = (status: number, ...errors: readonly string[]): Answer => ({ status, body: { errors } });

/** Thrown by a handler: the request is answered with this and nothing was changed. */
export class Refused extends Error {
  readonly answer: Answer;

  constructor(status: number, message: string) {
    super(message);
    this.answer = refusal(status, message);
  }
}

export const page = (status: number, title: string): Answer => ({
  status,
  body: null,
  html: `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`,
});
