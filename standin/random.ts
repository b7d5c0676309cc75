/** The same numbers in [0, 1) for the same seed: xorshift of 32 bits (Marsaglia 2003). */
export function randomFrom(seed: number): () => number {
  // Zero is the one state that it never leaves; neighbours start far from one other.
  let state = Math.imul(seed + 1, 0x9e_37_79_b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** That many characters of the alphabet. */
export function textOf(random: () => number, length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
}
