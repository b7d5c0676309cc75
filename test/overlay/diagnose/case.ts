import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { countReads } from "../../../overlay/diagnose/activity.ts";
import type { Activity, DiagnoseInput, Filling, NamespaceInput } from "../../../overlay/diagnose/input.ts";
import { joinEndpoints, type Owner } from "../../../overlay/endpoints.ts";
import { parseFdb } from "../../../overlay/fdb.ts";
import { parseLinks } from "../../../overlay/links.ts";
import { parseNeighbours } from "../../../overlay/neighbours.ts";
import type { Tables } from "../../../overlay/tables.ts";

/** `docker.json` of a case: what Docker told of the host that the tables beside it were captured on. */
interface Facts {
  readonly engine?: string;
  readonly driver: "classic" | "swarm";
  readonly ownVteps: readonly string[];
  readonly neighbours?: Filling;
  readonly conntrack?: Filling;
  readonly namespaces: readonly NamespaceFacts[];
}

interface NamespaceFacts extends Pick<NamespaceInput, "file" | "kind" | "network"> {
  /** null: Docker did not tell. */
  readonly endpoints: readonly EndpointFacts[] | null;
  readonly activity?: Readonly<Record<string, Activity>>;
}

interface EndpointFacts extends Owner {
  readonly ip: string;
  readonly mac: string;
  readonly devices: readonly { readonly ifindex: number; readonly name: string; readonly linkIndex?: number }[];
}

/** Cases are written by hand or by a capture, and read by their own test alone. */
const anyFacts = z.custom<Facts>((value) => typeof value === "object");

/**
 * Reads a case: for each namespace a folder with what `ip -j -d link show`, `bridge -j fdb show` and `ip -j -4 neigh show`
 * printed, in `later/` the same a second later, in `samples.jsonl` the forwarding table once a line.
 */
export function readCase(folder: string): DiagnoseInput {
  const { engine, namespaces, ...facts } = anyFacts.parse(
    JSON.parse(readFileSync(join(folder, "docker.json"), "utf8")),
  );
  return {
    ...facts,
    engine: { version: engine, driver: facts.driver },
    namespaces: namespaces.map((namespace) => readNamespace(folder, namespace)),
  };
}

function readNamespace(folder: string, { endpoints, activity, ...facts }: NamespaceFacts): NamespaceInput {
  const here = join(folder, facts.file);
  const tables = tablesIn(here);
  const joined = joinEndpoints(
    (endpoints ?? []).map(({ kind, name, id, ...rest }) => ({
      ...rest,
      owner: id === undefined ? { kind, name } : { kind, name, id },
    })),
    tables.links,
  );
  const sampled = samplesIn(
    here,
    tables,
    joined.map(({ mac }) => mac),
  );
  const seen = activity === undefined ? sampled : new Map(Object.entries(activity));
  return {
    ...facts,
    key: "1@1",
    tables,
    ...(endpoints === null ? {} : { endpoints: joined }),
    ...(existsSync(join(here, "later")) ? { later: tablesIn(join(here, "later")) } : {}),
    ...(seen === undefined ? {} : { activity: seen }),
  };
}

function tablesIn(folder: string): Tables {
  const links = parseLinks(readFileSync(join(folder, "link.json"), "utf8"));
  const fdb = parseFdb(readFileSync(join(folder, "fdb.json"), "utf8"));
  const neighbours = parseNeighbours(readFileSync(join(folder, "neigh.json"), "utf8"));
  const unreadable = links.unreadable + fdb.unreadable + neighbours.unreadable;
  return { links: links.rows, fdb: fdb.rows, neighbours: neighbours.rows, unreadable };
}

function samplesIn(
  folder: string,
  { links }: Tables,
  macs: readonly string[],
): ReadonlyMap<string, Activity> | undefined {
  const path = join(folder, "samples.jsonl");
  if (!existsSync(path)) return undefined;
  const readings = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => parseFdb(line).rows);
  return countReads(macs, links, readings);
}
