/**
 * Preloaded into a program: writes each program that it starts, with its arguments and what it is given to read, and each path
 * that it gives to a call of the file system.
 */
import child, { ChildProcess } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const into = process.env["RECORDED"] ?? "";
delete process.env["RECORDED"];
delete process.env["NODE_OPTIONS"];

const recorded = { programs: new Set<string>(), names: new Set<string>() };
const { writeFileSync } = fs;

/** Its stdin ends with what it is to read. */
function notingInput(started: unknown): void {
  if (!(started instanceof ChildProcess) || started.stdin === null) return;
  wrap(started.stdin, ["end", "write"], ([text]) => void recorded.programs.add(String(text)));
}

/** Puts another function in the place of each of a module's. */
function wrap(module: object, names: readonly string[], note: (args: readonly unknown[]) => void): void {
  for (const name of names) {
    const original: unknown = Reflect.get(module, name);
    if (typeof original !== "function" || /^[A-Z]/u.test(name)) continue;
    const recording = function (this: unknown, ...args: readonly unknown[]): unknown {
      note(args);
      const result: unknown = Reflect.apply(original, this, args);
      notingInput(result);
      return result;
    };
    Reflect.set(module, name, Object.assign(recording, original));
  }
}

const named = (args: readonly unknown[]): void => {
  for (const arg of args.slice(0, 2)) if (typeof arg === "string" && arg.startsWith("/")) recorded.names.add(arg);
};
wrap(child, ["spawn"], ([program, args]) => void recorded.programs.add(JSON.stringify([program, args])));
wrap(fs, Object.keys(fs), named);
wrap(fs.promises, Object.keys(fs.promises), named);
syncBuiltinESMExports();

process.on("exit", () => {
  if (into !== "")
    writeFileSync(into, JSON.stringify({ programs: [...recorded.programs], names: [...recorded.names] }));
});
