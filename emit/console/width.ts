/** East Asian wide and fullwidth characters and emoji take two columns (Unicode TR11), marks none. */
const wide =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F200}-\u{1F2FF}\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u;
const narrow = /^[ -~]*$/u;

/** How many columns of a terminal a text without control characters takes. */
export function widthOf(text: string): number {
  if (narrow.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfOne(character);
  return width;
}

/** As much of a text as has room. */
export function cut(text: string, room: number): string {
  if (narrow.test(text)) return text.slice(0, Math.max(room, 0));
  let [width, end] = [0, 0];
  for (const character of text) {
    width += widthOfOne(character);
    if (width > room) break;
    end += character.length;
  }
  return text.slice(0, end);
}

function widthOfOne(character: string): number {
  if (/\p{M}/u.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}
