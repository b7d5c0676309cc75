import { halves } from "../../agent/pipeline.ts";
import { collectors } from "../../collectors/registry.ts";
import { cli } from "../agent/cli.ts";

interface Offered {
  readonly words: readonly string[];
  readonly flags: readonly string[];
  /** Those of the flags that take a value. */
  readonly takers: readonly string[];
}

/** Of each command what completion has for it, which is what it parses by. */
export type Offer = ReadonlyMap<string, Offered>;

export async function offer(): Promise<Offer> {
  const { out } = await cli(["completion", "bash"]);
  const lines = out.matchAll(/^ {4}(\S+)\) words="([^"]*)" flags="([^"]*)" takers="([^"]*)"/gmu);
  return new Map(
    [...lines].map(([, name = "", words = "", flags = "", takers = ""]) => [
      name,
      { words: split(words), flags: split(flags), takers: split(takers) },
    ]),
  );
}

const split = (text: string): readonly string[] => text.split(" ").filter((word) => word !== "");

/** What a script beside `overlaywatch` calls, where that is not its own name. */
const calls: Readonly<Record<string, string>> = { "arp-cleanup": "cleanup" };

/** Collectors and halves of the pipeline: any number of them. */
const listed: Readonly<Record<string, readonly string[]>> = {
  run: [...collectors.map(({ name }) => name), ...halves],
  check: collectors.map(({ name }) => name),
};

/** The words of a command of ours that it does not know; none where it is somebody else's. */
export function wrongIn(command: string, offered: Offer): readonly string[] {
  // What a shell does with it is not its own.
  const [own = ""] = command.replaceAll(/[[\]]/gu, " ").split(/ (?:[|>&]|--(?: |$))/u);
  const [program = "", ...typed] = [...own.matchAll(/'[^']*'|"[^"]*"|\S+/gu)].map(([word]) => word);
  const place = /^(?:\.|\/usr\/lib\/overlaywatch)\/scripts\//u;
  const script = program.replace(place, "");
  if (script === "overlaywatch") return wrongBehind(typed, offered);
  const called = place.test(program) ? offered.get(calls[script] ?? script) : undefined;
  return called === undefined ? [] : wrongArguments(typed, called);
}

function wrongBehind([name = "", ...args]: readonly string[], offered: Offer): readonly string[] {
  if (name === "help") return args.filter((one) => !offered.has(one) && !isPlaceholder(one));
  const known = offered.get(name);
  if (known === undefined) return ["--version", "--help", "version"].includes(name) ? [] : [name];
  return wrongArguments(args, known, listed[name]);
}

const isPlaceholder = (word: string): boolean => /^(?:[A-Z][A-Z_0-9]*|\.\.\.)$/u.test(word);

function wrongArguments(args: readonly string[], { words, flags, takers }: Offered, all?: readonly string[]) {
  const isValue = (at: number) => takers.includes(args[at - 1] ?? "");
  const wrongFlags = args.filter((word, at) => word.startsWith("--") && !isValue(at) && !flags.includes(nameOf(word)));
  const operands = args.filter((word, at) => !word.startsWith("--") && !isValue(at) && !isPlaceholder(word));
  const judged = all === undefined ? operands.slice(0, 1) : operands;
  const known = all ?? words;
  const wrongWords = judged.flatMap((word) => word.split("|")).filter((word) => !known.includes(word));
  return known.length === 0 ? wrongFlags : [...wrongFlags, ...wrongWords];
}

const nameOf = (flag: string): string => flag.replace(/=.*/u, "");
