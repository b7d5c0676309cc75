import type { User } from "./machine.ts";

/**
 * Who the parts of the pack run as on a lab's host, by number, as the shipped units have them: each reaches the next one's socket
 * alone. Groups are Debian's `games` and `nogroup`.
 */
export const workerUser: User = { id: "61002", group: "60", also: "65534" };
export const gatewayUser: User = { id: "61003", group: "60" };
/** `workerUser.also`, by its name. */
export const helperGroup = "nogroup";

/** Of each host: the worker's sockets. */
export const workerRun = "/run/overlaywatch-worker";
