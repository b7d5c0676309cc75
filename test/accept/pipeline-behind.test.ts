import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { behind } from "../bench/behind.ts";
import { isRoot, needs } from "../needs.ts";
import { figure, isFull, sized } from "./length.ts";

describe("accept: pipeline, a follower that was down", function () {
  this.timeout(sized(1_200_000, 120_000));
  const count = sized(500_000, 20_000);

  it(`${count} entries behind: its rate beside journalctl alone, with the same fields, in the same run`, async function () {
    needs(this, "root", isRoot());
    needs(this, "systemd-journald", existsSync("/lib/systemd/systemd-journald"));
    const measured = await behind({ count, rounds: sized(3, 1), age: sized(16_000, 0) });
    for (const { alone, follower, cpu } of measured) {
      figure(
        `journalctl alone ${Math.round(alone)}/s, follower ${Math.round(follower)}/s: ${(follower / alone).toFixed(2)}; ${cpu.toFixed(1)} s of CPU of its own`,
      );
    }
    const shares = measured.map(({ alone, follower }) => follower / alone).toSorted((a, b) => a - b);
    if (isFull()) assert.ok(shares[1]! >= 0.6, `the middle one of ${shares.join(" ")}`);
    // So few entries take hardly longer than a program needs to get going.
    else assert.ok(shares[0]! >= 0.4, `${shares[0]} of journalctl alone`);
  });
});
