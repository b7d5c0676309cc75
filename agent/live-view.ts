import { Arrivals } from "../emit/console/arrivals.ts";
import { consoleSink } from "../emit/console/sink.ts";
import type { Message } from "../emit/dogstatsd/parse.ts";
import type { Sample } from "../emit/sample.ts";
import type { Io } from "./command.ts";

interface LiveView {
  readonly message: (message: Message) => void;
  readonly close: () => Promise<void>;
}

/** What arrives by DogStatsD, as a live table: redrawn every second on a terminal, printed every five otherwise. */
export function liveView({ stdout }: Io, title: string, prefix: string): LiveView {
  const arrivals = new Arrivals();
  const terminal = stdout.isTTY ?? false;
  const view = consoleSink({
    out: stdout,
    terminal,
    size: () => ({ rows: stdout.rows ?? 24, columns: stdout.columns ?? 80 }),
    title,
  });
  let next: number | undefined;
  const show = () => {
    const now = Date.now();
    const rates = arrivals.rates(now).filter(({ name }) => name.startsWith("net."));
    if (rates.length === 0) return;
    // What can not be redrawn waits a little for the slowest sender.
    next ??= terminal ? now : now + 2000;
    if (now < next) return;
    next = terminal ? now : now + 5000;
    view.show(rates, 1, now);
  };
  const timer = setInterval(show, 1000);
  return {
    message: (message) => {
      const sample = sampleOf(message, prefix);
      if (sample !== undefined) arrivals.add(sample, Date.now());
    },
    close: () => {
      clearInterval(timer);
      return view.close();
    },
  };
}

function sampleOf(message: Message, prefix: string): Sample | undefined {
  if (message.kind !== "metric" || message.type !== "count" || !message.name.startsWith(prefix)) return undefined;
  const tags = Object.fromEntries(
    message.tags
      .filter((tag) => tag.includes(":"))
      .map((tag) => [tag.slice(0, tag.indexOf(":")), tag.slice(tag.indexOf(":") + 1)]),
  );
  const value = (message.values ?? []).reduce((a, b) => a + b, 0) / message.sample_rate;
  return { name: message.name.slice(prefix.length), type: "count", value, tags };
}
