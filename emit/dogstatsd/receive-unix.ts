import { randomUUID } from "node:crypto";
import { chmodSync, linkSync, lstatSync, renameSync, type Stats, unlinkSync } from "node:fs";
import { constants } from "node:os";
import { setImmediate as afterEvents } from "node:timers/promises";
import { getSystemErrorName } from "node:util";
import type { UnixDatagramSocket } from "unix-dgram";
import { checkSocketPath } from "./transport.ts";

type UnixDgram = typeof import("unix-dgram");

export interface UnixListener {
  readonly path: string;
  readonly close: () => Promise<void>;
}

/** The agent's own: anybody may send, only the owner may look. */
const SOCKET_MODE = 0o722;
const { EADDRINUSE, ECONNREFUSED, ENOENT } = constants.errno;

/**
 * Listens on a unix datagram socket. A dead socket file in the way is replaced; a live one, or anything else, is left
 * alone and refused. Datagrams above 65536 bytes come cut (the native part has no larger buffer).
 */
export async function openUnix(
  path: string,
  onDatagram: (datagram: Buffer) => void,
  load: () => Promise<UnixDgram> = () => import("unix-dgram"),
): Promise<UnixListener> {
  checkSocketPath(path, "the socket path of the DogStatsD receiver");
  const native = await loadNative(load);
  const socket = native.createSocket("unix_dgram", onDatagram);
  try {
    bindReplacingDead(native, socket, path);
    chmodSync(path, SOCKET_MODE);
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on("error", () => undefined);
  return { path, close: closeOnce(socket, path, lstatSync(path)) };
}

async function loadNative(load: () => Promise<UnixDgram>): Promise<UnixDgram> {
  try {
    return await load();
  } catch (cause) {
    throw new Error(
      "could not load the native addon of npm package unix-dgram, which unix datagram sockets need: build it with " +
        "`npm rebuild unix-dgram` (needs python3, make and g++), or use UDP",
      { cause },
    );
  }
}

/** bind(2) itself refuses a path that exists, so two receivers that start at once can not both take it. */
function bindReplacingDead(native: UnixDgram, socket: UnixDatagramSocket, path: string): void {
  let errno = attempt(socket, () => socket.bind(path));
  if (errno === EADDRINUSE) {
    removeDead(native, path);
    errno = attempt(socket, () => socket.bind(path));
  }
  if (errno === 0) return;
  const advice = errno === ENOENT ? " (its folder is not there: make it, or name another)" : "";
  throw new Error(`could not listen for DogStatsD on ${path}: bind: ${getSystemErrorName(-errno)}${advice}`);
}

function removeDead(native: UnixDgram, path: string): void {
  const probed = lstatSync(path);
  if (!probed.isSocket()) {
    throw new Error(
      `could not listen for DogStatsD on ${path}: it exists and is no socket; remove it, or name another`,
    );
  }
  const answer = probe(native, path);
  if (answer !== ECONNREFUSED) {
    const found = answer === 0 ? "another program listens there" : `connect: ${getSystemErrorName(-answer)}`;
    throw new Error(`could not listen for DogStatsD on ${path}: ${found}; stop that program, or name another path`);
  }
  removeIfSame(path, probed);
}

/** 0 where somebody listens; else the errno of connect(2). */
function probe(native: UnixDgram, path: string): number {
  const socket = native.createSocket("unix_dgram");
  const errno = attempt(socket, () => socket.connect(path));
  socket.close();
  return errno;
}

/**
 * Moved aside before it is looked at again: between the probe and an unlink(2) by name, another receiver could have
 * put its live socket there.
 */
function removeIfSame(path: string, probed: Stats): void {
  const aside = `${path}.${randomUUID()}`;
  renameSync(path, aside);
  const moved = lstatSync(aside);
  if (!isSame(moved, probed)) linkSync(aside, path);
  unlinkSync(aside);
}

/** The errno of an operation that the package reports by an "error" event before it returns; 0 without one. */
function attempt(socket: UnixDatagramSocket, operation: () => void): number {
  let errno = 0;
  const note = (error: { readonly code?: unknown }) => {
    errno = -Number(error.code);
  };
  socket.once("error", note);
  operation();
  socket.removeListener("error", note);
  return errno;
}

function closeOnce(socket: UnixDatagramSocket, path: string, own: Stats): () => Promise<void> {
  let open = true;
  return async () => {
    if (open) {
      open = false;
      socket.close();
      const now = lstatSync(path, { throwIfNoEntry: false });
      if (now !== undefined && isSame(now, own)) unlinkSync(path);
    }
    await afterEvents();
  };
}

function isSame(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
