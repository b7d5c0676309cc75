/**
 * Tries what a confined process may not do, and prints how each try ended: `done`, or the name of the error. It runs in
 * the place of a unit's program, and once without the unit: there each has to end otherwise, or the try proves nothing.
 */
import { chmodSync, chownSync, closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { getSystemErrorName } from "node:util";

/** Numbers of x86-64 and of arm64; all harmless where they are let through: an argument is wrong. */
const calls = {
  ptrace: [101, 117],
  mount: [165, 40],
  umount2: [166, 39],
  init_module: [175, 105],
  reboot: [169, 142],
  clock_settime: [227, 112],
  swapon: [167, 224],
  bpf: [321, 280],
  open_by_handle_at: [304, 265],
  pivot_root: [155, 41],
} as const;

const [state = "/nowhere", ...sockets] = process.argv.slice(2);

const ended = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error);

function attempt(work: () => unknown): string {
  try {
    work();
    return "done";
  } catch (error) {
    return ended(error);
  }
}

const written = (folder: string): string =>
  attempt(() => {
    const path = `${folder}/overlaywatch-probe`;
    writeFileSync(path, "x");
    rmSync(path);
  });

async function settled(begin: () => Socket): Promise<string> {
  return new Promise((resolve) => {
    const socket = begin();
    socket.setTimeout(500, () => socket.destroy(new Error("timeout")));
    socket.once("error", (error) => resolve(ended(error)));
    socket.once("connect", () => {
      socket.destroy();
      resolve("done");
    });
  });
}

async function listened(): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(ended(error)));
    server.listen(0, "127.0.0.1", () => server.close(() => resolve("done")));
  });
}

function files(): Readonly<Record<string, string>> {
  const own = `${state}/overlaywatch-probe-own`;
  const found = {
    "write state": attempt(() => writeFileSync(own, "x")),
    "read /home": attempt(() => readdirSync("/home")),
    "read /root": attempt(() => readdirSync("/root")),
    "read /etc/shadow": attempt(() => readFileSync("/etc/shadow")),
    "open /proc/1/ns/net": attempt(() => closeSync(openSync("/proc/1/ns/net", "r"))),
    "open /proc/1/mem": attempt(() => closeSync(openSync("/proc/1/mem", "r+"))),
    "write /etc": written("/etc"),
    "write /usr": written("/usr/lib"),
    "write /run": written("/run"),
    "write /var/lib": written("/var/lib"),
    "write a sysctl": attempt(() => writeFileSync("/proc/sys/net/ipv4/ip_default_ttl", "64")),
    "give a file away": attempt(() => chownSync(own, 12_345, 12_345)),
    "make a file setuid": attempt(() => chmodSync(own, 0o4755)),
  };
  attempt(() => rmSync(own, { force: true }));
  return found;
}

async function system(): Promise<Readonly<Record<string, string>>> {
  const koffi = await import("koffi");
  const library = koffi.load(null);
  const bound = (definition: string) => {
    const call = library.func(definition);
    return (...args: readonly number[]): string => {
      const result: unknown = call(...args);
      if (typeof result !== "number") return String(result);
      return result < 0 ? getSystemErrorName(-koffi.errno()) : "done";
    };
  };
  const [syscall, socket, setns] = [
    bound("long syscall(long, long, long, long, long, long)"),
    bound("int socket(int, int, int)"),
    bound("int setns(int, int)"),
  ];
  const at = process.arch === "x64" ? 0 : 1;
  const mounts = openSync("/proc/self/ns/mnt", "r");
  return {
    ...Object.fromEntries(
      Object.entries(calls).map(([name, numbers]) => [name, syscall(numbers[at], -1, 0, 0, -1, 0)]),
    ),
    "socket AF_PACKET": socket(17, 3, 0),
    "socket AF_INET6": socket(10, 2, 0),
    "socket AF_INET raw": socket(2, 3, 1),
    // CLONE_NEWNS of sched.h.
    "setns of mounts": setns(mounts, 0x20000),
    "unshare of mounts": syscall([272, 97][at] ?? 0, 0x20000, 0, 0, 0, 0),
  };
}

const status = readFileSync("/proc/self/status", "utf8");
const word = (key: string): string => new RegExp(`^${key}:\\s+(\\S+)`, "mu").exec(status)?.[1] ?? "";

// First all that the rest of them could change.
const own = {
  CapBnd: word("CapBnd"),
  CapEff: word("CapEff"),
  NoNewPrivs: word("NoNewPrivs"),
  Seccomp: word("Seccomp"),
  Uid: word("Uid"),
};
const reached = {
  // TEST-NET-1 of RFC 5737: nobody is there.
  "reach the internet": await settled(() => connect({ host: "192.0.2.1", port: 9 })),
  listen: await listened(),
  ...Object.fromEntries(
    await Promise.all(
      sockets.map(async (path): Promise<[string, string]> => [
        `ask at ${path}`,
        await settled(() => connect({ path })),
      ]),
    ),
  ),
};
process.stdout.write(`${JSON.stringify({ ...own, ...reached, ...files(), ...(await system()) })}\n`, () =>
  process.exit(),
);
