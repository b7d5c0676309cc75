import type { Context } from "mocha";

/** Set by CI: what this machine can not do is then a failure, never a skip. */
const requireAll = process.env["OVERLAYWATCH_REQUIRE_ALL"] === "1";

/** Skips a test aloud where the machine lacks something; under `OVERLAYWATCH_REQUIRE_ALL=1` it fails instead. */
export function needs(context: Context, what: string, present: boolean): void {
  if (present) return;
  if (requireAll) throw new Error(`this run must not skip: ${what} is missing here`);
  process.stderr.write(`skipped, for want of ${what}: ${context.test?.fullTitle() ?? "?"}\n`);
  context.skip();
}

export const isRoot = (): boolean => process.getuid?.() === 0;
