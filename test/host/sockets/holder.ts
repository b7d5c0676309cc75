import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Run by stage.ts in a network namespace of its own: brings sockets into states and holds them there. Writes `done` when
 * they stand, then for each line that it reads and does. Ends with its input.
 */
const [kind = "idle", count = "0"] = process.argv.slice(2);
const acts: Readonly<Record<string, () => Promise<unknown>>> = {
  nothing: async () => undefined,
  idle: () => listen("127.0.0.1", 9100),
  states: allStates,
  many: () => many(Number(count)),
  closeWait,
  timeWait,
  halfOpen,
  crowded,
};

const kept: (Socket | Server)[] = [];
/** Server halves by the ports of both. */
const accepted = new Map<string, Socket>();

const isHalf = process.send !== undefined;
if (isHalf) process.on("disconnect", () => process.exit(0));
else execFileSync("/sbin/ip", ["link", "set", "lo", "up"]);
await act(kind);
if (!isHalf) {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => void act(line));
  lines.on("close", () => process.exit(0));
}

async function act(name: string): Promise<void> {
  await acts[name]?.();
  if (!isHalf) process.stdout.write("done\n");
}

/** Every state, in both families, none as often as another, so that no two can be mixed up; v6 has an IPv4 connection on a socket of its own too. */
async function allStates(): Promise<void> {
  for (const [host, tables, base] of [
    ["127.0.0.1", "/usr/sbin/iptables", 9000],
    ["::1", "/usr/sbin/ip6tables", 9200],
  ] as const) {
    const drop = (...rule: string[]) =>
      execFileSync(tables, ["-w", "-A", "INPUT", "-i", "lo", "-p", "tcp", ...rule, "-j", "DROP"]);
    await easyStates(host, base);
    await droppedStates(host, base, drop);
  }
  await listen("::", 9300);
  await pair("127.0.0.1", 9300);
}

async function easyStates(host: string, port: number): Promise<void> {
  await listen(host, port);
  for (let i = 0; i < 4; i++) await pair(host, port);
  for (let i = 0; i < 2; i++) (await pair(host, port)).client.end();
  for (let i = 0; i < 8; i++) await closed(host, port);
  // FIN_WAIT2 without a process: what the kernel keeps among its TIME_WAIT sockets.
  (await pair(host, port)).client.destroy();
}

/** TIME_WAIT: both ends closed, one after the other. */
async function closed(host: string, port: number): Promise<void> {
  const { client, server } = await pair(host, port);
  const ended = once(server.resume(), "end");
  client.resume().end();
  await ended;
  server.end();
  await once(client, "close");
}

/** Nothing but a listener, and a connection that was. */
async function timeWait(): Promise<void> {
  await listen("127.0.0.1", 9600);
  await closed("127.0.0.1", 9600);
}

async function droppedStates(host: string, port: number, drop: (...rule: string[]) => unknown): Promise<void> {
  const [finWait, lastAck, closing] = [port + 1, port + 2, port + 3];
  for (const one of [finWait, lastAck, closing, port + 4, port + 5]) await listen(host, one);
  const a = await pair(host, finWait);
  const [b, c] = [await pairs(host, lastAck, 6), await pairs(host, closing, 4)];
  drop("--dport", String(finWait));
  a.client.end();
  for (const { client } of b) client.end();
  await sleep(50);
  drop("--sport", String(lastAck));
  for (const { server } of b) server.end();
  // The server's end arrives, the client's does not, nor what answers the server's: a simultaneous close.
  drop("--dport", String(closing));
  for (const { client, server } of c) {
    client.end();
    server.end();
  }
  drop("--dport", String(port + 4));
  kept.push(connect({ host, port: port + 4 }).on("error", () => undefined));
  drop("--sport", String(port + 5));
  kept.push(connect({ host, port: port + 5 }).on("error", () => undefined));
}

/** A connection that only its server half knows: SYN_RECV, and nothing but listeners otherwise. */
async function halfOpen(): Promise<void> {
  execFileSync("/usr/sbin/iptables", ["-w", "-A", "INPUT", "-i", "lo", "-p", "tcp", "--sport", "9100", "-j", "DROP"]);
  const client = connect({ host: "127.0.0.1", port: 9100 });
  await sleep(50);
  client.destroy();
}

/** A listener with room for few: stop the process, and it never accepts. */
async function crowded(): Promise<void> {
  await listen("0.0.0.0", 9700, 1);
}

/** One connection whose server half has been told of its end: CLOSE_WAIT and FIN_WAIT2. */
async function closeWait(): Promise<void> {
  await listen("127.0.0.1", 9400);
  (await pair("127.0.0.1", 9400)).client.end();
}

/** Established sockets, half of them in a second process: one may not open so many files. */
async function many(sockets: number): Promise<void> {
  if (isHalf) {
    await listen("127.0.0.1", 9500);
    process.send?.("listening");
    return;
  }
  const child = fork(process.argv[1] ?? "", ["many"], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(child, "message");
  for (let made = 0; made < sockets / 2; made += 50) {
    await Promise.all(Array.from({ length: 50 }, () => once(keep(connect(9500, "127.0.0.1")), "connect")));
  }
}

async function listen(host: string, port: number, backlog = 1000): Promise<void> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    accepted.set(`${socket.remotePort} ${socket.localPort}`, keep(socket));
  });
  server.listen({ host, port, backlog });
  kept.push(server);
  await once(server, "listening");
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

async function pairs(host: string, port: number, wanted: number): Promise<readonly Pair[]> {
  return Promise.all(Array.from({ length: wanted }, async () => pair(host, port)));
}

async function pair(host: string, port: number): Promise<Pair> {
  const client = keep(connect({ host, port, allowHalfOpen: true }));
  await once(client, "connect");
  for (;;) {
    const server = accepted.get(`${client.localPort} ${port}`);
    if (server !== undefined) return { client, server };
    await sleep(1);
  }
}

function keep(socket: Socket): Socket {
  kept.push(socket.on("error", () => undefined));
  return socket;
}
