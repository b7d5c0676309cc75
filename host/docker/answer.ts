import { messageOf } from "../thrown.ts";
import type { DockerClient } from "./client.ts";
import { garbageError } from "./error.ts";

/** Asks, and gives what `read` makes of the answer. Rejects with a `DockerError`, or the signal's reason. */
export async function asked<T>(
  client: Pick<DockerClient, "get" | "socketPath">,
  path: string,
  read: (answer: unknown) => T,
  signal: AbortSignal,
): Promise<T> {
  return readAs(client, path, read, await client.get(path, { signal }));
}

/** An answer that is JSON and yet not what the API gives is a `DockerError` as well. */
export function readAs<T>(
  { socketPath }: Pick<DockerClient, "socketPath">,
  path: string,
  read: (answer: unknown) => T,
  answer: unknown,
): T {
  try {
    return read(answer);
  } catch (cause) {
    throw garbageError({ socketPath, method: "GET", path }, messageOf(cause), cause);
  }
}
