import { statSync } from "node:fs";
import { codeOf, messageOf } from "../thrown.ts";

/**
 * Why Docker did not answer as asked: `absent` no socket there, `denied` no right to open it, `refused` nobody
 * listens or the connection ended before the answer did, `timeout` no whole answer in time, `garbage` an answer that is
 * not one of Docker's API, `status` an HTTP status that says no.
 */
export type DockerErrorKind = "absent" | "denied" | "refused" | "timeout" | "garbage" | "status";

/** What was asked of which socket. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly socketPath: string;
}

interface Failure {
  readonly kind: DockerErrorKind;
  /** What came back, for people. */
  readonly detail: string;
  readonly status?: number;
  readonly cause?: unknown;
}

/** A question to Docker that failed. The message says what was asked, what came back and what to do. */
export class DockerError extends Error {
  override readonly name = "DockerError";
  readonly kind: DockerErrorKind;
  readonly method: string;
  readonly path: string;
  readonly socketPath: string;
  /** The HTTP status where kind is `status`, else 0. */
  readonly status: number;

  constructor(asked: Asked, failure: Failure) {
    super(
      `asked Docker at ${asked.socketPath} for ${asked.method} ${asked.path.split("?", 1)[0]}: ${failure.detail}. ${advice[failure.kind]}`.trimEnd(),
      { cause: failure.cause },
    );
    this.kind = failure.kind;
    this.method = asked.method;
    this.path = asked.path;
    this.socketPath = asked.socketPath;
    this.status = failure.status ?? 0;
  }
}

const advice: Readonly<Record<DockerErrorKind, string>> = {
  absent:
    "Is Docker running? If its socket is elsewhere, name it with --docker-socket PATH or DOCKER_HOST=unix://PATH.",
  denied: "Run as root, or as a member of the group that owns the socket (usually `docker`).",
  refused: "Is Docker running, or just restarting? `systemctl status docker` and `journalctl -u docker` tell more.",
  timeout: "Docker may hang: `journalctl -u docker` tells more, `docker info` shows whether it answers at all.",
  garbage: "Is this the socket of a Docker engine, and nothing between that changes its answers?",
  status: "",
};

/** What went wrong on the connection, told by the system's error code, or in what came over it. */
export function transportError(asked: Asked, cause: unknown): DockerError {
  const code = codeOf(cause);
  const said = messageOf(cause);
  if (code.startsWith("HPE_")) return garbageError(asked, `the answer is not HTTP (${said})`, cause);
  if (code === "") return garbageError(asked, said, cause);
  // connect(2) says the same of a file that is no socket as of a socket that nobody listens on.
  if (code === "ECONNREFUSED" && isOther(asked.socketPath))
    return new DockerError(asked, { kind: "absent", detail: "that is there, but it is no socket", cause });
  const lost = { kind: "refused", detail: `the connection ended before the answer did (${code})` } as const;
  return new DockerError(asked, { ...(connectFailures[code] ?? lost), cause });
}

/** An answer that can not be used. */
export function garbageError(asked: Asked, detail: string, cause?: unknown): DockerError {
  return new DockerError(asked, { kind: "garbage", detail, cause });
}

const connectFailures: Readonly<Record<string, Failure>> = {
  ENOENT: { kind: "absent", detail: "there is no such socket" },
  ENOTDIR: { kind: "absent", detail: "there is no such socket (a part of the path is not a directory)" },
  EACCES: { kind: "denied", detail: "no permission to open the socket (EACCES)" },
  EPERM: { kind: "denied", detail: "no permission to open the socket (EPERM)" },
  ECONNREFUSED: { kind: "refused", detail: "the socket is there, but nobody listens (ECONNREFUSED)" },
  // connect(2) on a unix socket gives EAGAIN where the listener's queue is full: a process that accepts no more.
  EAGAIN: { kind: "refused", detail: "the socket's queue is full, nobody takes connections from it (EAGAIN)" },
};

function isOther(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === false;
}
