import { isEnd } from "../../dispatch/worker/record.ts";
import { shellLine } from "../../host/shell-line.ts";
import { newestFile } from "../../lab/newest-file.ts";
import type { PackMember } from "../../lab/pack.ts";
import { commandOf } from "../../overlay/remedy/change.ts";
import { decodeUndoFile } from "../../overlay/remedy/undo-file.ts";
import { typed } from "../remedy/outcome.ts";
import { askWorker, type JobView } from "../worker-socket.ts";

/** The jobs that Datadog has asked that host's worker for since the break. */
export function openJobs({ controlSocket }: PackMember, since: number) {
  const jobs = async (): Promise<readonly JobView[]> => {
    const { jobs: all } = await askWorker(controlSocket, { v: 1, ask: "jobs" });
    return all.filter(({ source, at }) => source === "datadog" && at >= since);
  };
  return {
    first: async () => (await jobs())[0],
    ended: async () => (await jobs()).find(({ state }) => isEnd(state)),
  };
}

/** What the helper set out to do, by its own note, which it writes before: the very commands, as a person would type them. */
export function cureOf({ helperState }: PackMember, since: number): readonly string[] {
  const note = newestFile(`${helperState}/undo`, since);
  if (note === undefined) return [];
  const { namespaces } = decodeUndoFile(note);
  return namespaces.flatMap(({ file, entries }) =>
    entries.map(({ change }) => shellLine(typed(`/run/docker/netns/${file}`, commandOf(change)))),
  );
}
