import { behind } from "./behind.ts";

/** `node dist/test/bench/follow.js [ENTRIES [ROUNDS]]`; needs root. */
const [count, rounds] = [Number(process.argv[2] ?? 500_000), Number(process.argv[3] ?? 3)];

for (const { alone, follower, cpu } of await behind({ count, rounds, age: 16_000 })) {
  const share = (follower / alone).toFixed(2);
  process.stdout.write(
    `journalctl alone ${Math.round(alone)} entries a second; follower ${Math.round(follower)}, ${share} of it, ${cpu.toFixed(1)} s of CPU of its own\n`,
  );
}
