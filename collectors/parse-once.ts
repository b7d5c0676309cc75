import type { ProcessHandle } from "../host/host.ts";

/** Parses a file of a process, or gives what it gave the last time, the same object, where the text is the same. */
export type ParseOnce<T> = (process: ProcessHandle, text: string) => T;

/** Most containers of a host idle: what their files say is not understood anew in each cycle. */
export function parseOnce<T>(parse: (text: string) => T): ParseOnce<T> {
  const last = new WeakMap<ProcessHandle, { readonly text: string; readonly parsed: T }>();
  return (process, text) => {
    const known = last.get(process);
    if (known?.text === text) return known.parsed;
    const parsed = parse(text);
    last.set(process, { text, parsed });
    return parsed;
  };
}
