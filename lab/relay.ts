import { execPath } from "node:process";
import { Daemon } from "./daemon.ts";
import type { LabHost } from "./host.ts";

/** Each connection to the socket goes on to that port. The socket is its owner's alone. */
const script = `
const net = require("node:net");
const [path, port] = require("node:process").argv.slice(1);
net.createServer((from) => {
  const to = net.connect(Number(port), "127.0.0.1");
  from.pipe(to).pipe(from);
  from.on("error", () => to.destroy());
  to.on("error", () => from.destroy());
}).listen(path, () => {
  require("node:fs").chmodSync(path, 0o600);
  console.log("relay: at work");
});
`;

/** A unix socket of this machine by which a port on the host's own loopback is reached: its network is not ours. */
export async function startRelay(host: LabHost, port: number, socket: string, log: string): Promise<void> {
  const argv = host.argv([execPath, "-e", script, socket, String(port)]);
  await new Daemon({ name: `relay into ${host.name}`, argv, log, ready: /at work/u }).start();
}
