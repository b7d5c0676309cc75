import { createInterface } from "node:readline";
import * as unixDgram from "unix-dgram";

/** Sends each line of stdin, a datagram in base64, to this machine's journald; lives until it is killed. */
const socket = unixDgram.createSocket("unix_dgram");
socket.connect("/run/systemd/journal/socket");
for await (const line of createInterface({ input: process.stdin })) {
  socket.send(Buffer.from(line, "base64"));
  process.stdout.write("sent\n");
}
