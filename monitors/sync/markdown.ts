import type { Change, Plan } from "./plan.ts";
import { changeLines, summaryLine } from "./plan-page.ts";

/** A comment on a pull request may have 65536 characters. */
const most = 60_000;

/** A plan for a comment on a pull request: a headline, and a fold for each object. Cut where it would not fit. */
export function planMarkdown(plan: Plan): string {
  const head = `### overlaywatch monitors plan\n\n${summaryLine(plan)}\n`;
  const notes = [
    ...plan.conflicts.map((one) => `> **Conflict:** ${inline(one)}\n`),
    ...plan.warnings.map((one) => `> ${inline(one)}\n`),
  ];
  let text = [head, ...notes].join("\n");
  for (const [index, change] of plan.changes.entries()) {
    const part = `\n${fold(change)}`;
    if (text.length + part.length > most)
      return `${text}\n… and ${plan.changes.length - index} more: see the output of the job.\n`;
    text += part;
  }
  return text;
}

function fold(change: Change): string {
  const [head = "", ...lines] = changeLines(change);
  const summary = `<summary><code>${escaped(head)}</code></summary>`;
  if (lines.length === 0) return `- \`${head.replaceAll("`", "'")}\`\n`;
  // In front, where a fence of `diff` colours them.
  const diff = lines.map((line) => line.replace(/^( +)([-+]) /u, "$2 ").replace(/^ {4}/u, "  "));
  const fence = "`".repeat(Math.max(3, ...lines.map(longestRun)) + 1);
  return `<details>${summary}\n\n${fence}diff\n${diff.map((line) => line.trimEnd()).join("\n")}\n${fence}\n\n</details>\n`;
}

/** A message may have a fence of its own. */
const longestRun = (line: string): number => Math.max(0, ...(line.match(/`+/gu) ?? []).map((run) => run.length));

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const inline = (text: string): string => escaped(text).replaceAll("\n", " ");
