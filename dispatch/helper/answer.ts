/** One line of JSON. `Result`: what a cleanup tells, as `overlaywatch cleanup --json` has it. */
export type HelperAnswer<Result> = Hello | Tables | Done<Result> | Paused | NotDone;

export interface Hello {
  readonly v: 1;
  readonly verb: "hello";
  readonly trace: string;
  readonly version: string;
  readonly pid: number;
  /** Why nothing is healed now: pauses, the kill switch, the breaker, settings. */
  readonly stops: readonly string[];
}

export interface Tables {
  readonly v: 1;
  readonly verb: "tables";
  readonly trace: string;
  /** A bundle, as `overlaywatch doctor --save` writes it: JSON, gzip, Base64. */
  readonly packed: string;
}

export interface Done<Result> {
  readonly v: 1;
  readonly verb: "look" | "heal";
  readonly trace: string;
  /** As `overlaywatch cleanup` would end: 0 nothing active, 10 cured, 11 something could be healed, 20 refused, ... */
  readonly exit: number;
  readonly result: Result;
}

export interface Paused {
  readonly v: 1;
  readonly verb: "pause" | "resume";
  readonly trace: string;
  /** Why nothing is healed here now, whatever is found; empty where nothing stops it. */
  readonly stops: readonly string[];
}

/** Nothing was begun, or it ended as nobody foresaw (70). */
export interface NotDone {
  readonly v: 1;
  /** Where the request told one. */
  readonly trace?: string;
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

/** Of sysexits(3): no such request; Docker or the namespaces are not there; a fault of this program; busy, ask later; the helper's settings are wrong. */
export type ErrorCode = 65 | 69 | 70 | 75 | 78;
