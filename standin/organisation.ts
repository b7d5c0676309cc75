import { Collection } from "./collection.ts";
import type { JsonObject } from "./json.ts";
import { textOf } from "./random.ts";

/** What each organisation holds, by kind. */
export const kinds = ["monitors", "dashboards", "webhooks", "variables", "events"] as const;
export type Kind = (typeof kinds)[number];

export interface Organisation {
  readonly id: number;
  readonly uuid: string;
  readonly name: string;
  readonly apiKey: string;
  readonly appKey: string;
  /** Some organisations' monitors carry undocumented fields (research/monitors.md 4.2: run_as, restricted, avalanche_window). */
  readonly extras: boolean;
  readonly kept: Readonly<Record<Kind, Collection>>;
}

const hex = "0123456789abcdef";

/** Organisations of a stand-in; every second one has the undocumented fields. Keys are made of the seed: they open nothing else. */
export function organisations(count: number, random: () => number, now: () => number): readonly Organisation[] {
  return Array.from({ length: count }, (_, i) => ({
    id: 321_813 + i,
    uuid: [8, 4, 4, 4, 12].map((length) => textOf(random, length, hex)).join("-"),
    name: `stand-in ${i + 1}`,
    apiKey: textOf(random, 32, hex),
    appKey: textOf(random, 40, hex),
    extras: i % 2 === 1,
    kept: {
      monitors: new Collection(now),
      dashboards: new Collection(now),
      webhooks: new Collection(now),
      variables: new Collection(now),
      events: new Collection(now),
    },
  }));
}

/** As the API shows who made something. */
export const creatorOf = ({ id }: Organisation): JsonObject => ({
  id: id * 10,
  name: "Stand-in",
  handle: "stand-in@example.com",
  email: "stand-in@example.com",
});
