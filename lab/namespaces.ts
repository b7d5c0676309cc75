import { closeSync, openSync, readFileSync } from "node:fs";
import { spawn, type ChildProcess } from "node:child_process";
import { labRoot } from "./folder.ts";
import { identify, must, pinnedEnv, type Argv, type ProcessId } from "./process.ts";
import { underlayAddress, vtepOf } from "./shape.ts";

/** Joins the lab's cgroup, `$1`, before it becomes the program: no moment in which it could get away. */
const joinScript = 'echo 0 >"$1" && shift && exec "$@"';

export function joining(joinFile: string, argv: Argv): Argv {
  return ["/bin/sh", "-c", joinScript, "join", joinFile, ...argv];
}

/** What `nsenter -t PID -n -u -m` is for a person: this program on that host. */
export function entering(pid: number, argv: readonly string[]): Argv {
  return ["/usr/bin/nsenter", "-t", String(pid), "-n", "-u", "-m", "--", ...argv];
}

/** A network namespace with a bridge between all hosts of one lab; etcd lives in it. Gives its holder. */
export async function startUnderlay(joinFile: string, log: string): Promise<ProcessId> {
  return hold(joinFile, ["--net", "--mount"], [underlayScript, "underlay", underlayAddress], log);
}

/** A host: network, UTS and mount namespace, an /etc, /run, /var/lib and /var/log of its own, and a journal. */
export async function startHost(joinFile: string, name: string, machineId: string, log: string): Promise<ProcessId> {
  const script = [hostScript, "host", name, machineId, labRoot];
  return hold(joinFile, ["--net", "--uts", "--mount"], script, log);
}

/** Lays a cable between the underlay's bridge and a host's `eth0`. Both ends are born in their namespaces. */
export async function plug(underlay: ProcessId, host: ProcessId, number: number): Promise<void> {
  const port = `host${number}`;
  const cable = ["type", "veth", "peer", "name", "eth0", "netns", String(host.pid)];
  await must([...inNetworkOf(underlay.pid), "ip", "link", "add", port, ...cable]);
  await must([...inNetworkOf(underlay.pid), "ip", "link", "set", port, "master", "underlay", "up"]);
  await must([...inNetworkOf(host.pid), "ip", "address", "add", `${vtepOf(number)}/24`, "dev", "eth0"]);
  await must([...inNetworkOf(host.pid), "ip", "link", "set", "eth0", "up"]);
}

/** True once something listens on the TCP port in that process's network namespace. */
export function listens(pid: number, port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["tcp", "tcp6"].some((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      // 0A is TCP_LISTEN.
      .some(([, local = "", , state]) => state === "0A" && local.endsWith(wanted)),
  );
}

const inNetworkOf = (pid: number): Argv => ["/usr/bin/nsenter", "-t", String(pid), "-n", "--"];

const underlayScript = `set -eu
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
ip link add underlay type bridge
ip address add "$1/24" dev underlay
ip link set underlay up
echo ready
exec sleep infinity`;

/*
 * /etc, /var/lib ... are overlays of the machine's own with a private upper layer: mount points and files can be made
 * there without a trace on the machine. Its /etc/docker goes, or its daemon.json would send our engine to its data.
 * The lab's folder is bound back in, so that all hosts share it.
 */
const hostScript = `set -eu
hostname "$1"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/.lab/kept && mount --bind "$3" /run/.lab/kept
for d in etc var/lib var/log opt; do
  [ -d "/$d" ] || continue
  mkdir -p "/run/.lab/$d/upper" "/run/.lab/$d/work"
  mount -t overlay overlay -o "lowerdir=/$d,upperdir=/run/.lab/$d/upper,workdir=/run/.lab/$d/work" "/$d"
done
mkdir -p "$3" && mount --move /run/.lab/kept "$3"
echo "$1" >/etc/hostname
rm -f /etc/machine-id && echo "$2" >/etc/machine-id
rm -rf /etc/docker /var/lib/docker /var/lib/overlaywatch && mkdir -p /etc/docker /var/lib/docker /var/lib/overlaywatch
mount -t tmpfs -o mode=711 tmpfs /var/lib/docker
mount -t tmpfs -o mode=755 tmpfs /var/lib/overlaywatch
ip link set lo up
if [ -x /lib/systemd/systemd-journald ]; then
  mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /var/log/journal
  # Kernel messages and the audit switch belong to the machine; what a lab records is never to be thrown away.
  printf '[Journal]\\nStorage=persistent\\nReadKMsg=no\\nAudit=\\nRateLimitIntervalSec=0\\nSystemMaxUse=512M\\n' >/run/systemd/journald.conf.d/lab.conf
  : >/run/systemd/journal/flushed
  /lib/systemd/systemd-journald >&2 &
  n=0; until [ -S /run/systemd/journal/socket ]; do
    n=$((n+1)); [ "$n" -lt 500 ] || { echo "systemd-journald does not come up" >&2; exit 1; }
    sleep 0.02
  done
fi
echo ready
exec sleep infinity`;

/** Starts a process that holds new namespaces, and waits until its script says `ready`. */
async function hold(joinFile: string, kinds: string[], script: readonly string[], log: string): Promise<ProcessId> {
  // Slave: what the machine unmounts goes here too, what is mounted here never shows there.
  const argv = joining(joinFile, ["/usr/bin/unshare", ...kinds, "--propagation", "slave", "/bin/sh", "-c", ...script]);
  const file = openSync(log, "a");
  const child = spawn(argv[0], argv.slice(1), {
    env: pinnedEnv,
    cwd: "/",
    detached: true,
    stdio: ["ignore", "pipe", file],
  });
  closeSync(file);
  child.unref();
  await ready(child, log);
  const id = child.pid === undefined ? undefined : identify(child.pid);
  if (!id) throw new Error(`the holder of a lab namespace ended at once: see ${log}`);
  return id;
}

async function ready(child: ChildProcess, log: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`a lab namespace could not be made (exit code ${code}): see ${log}`)),
    );
    child.stdout?.once("data", () => resolve());
  }).finally(() => child.stdout?.destroy());
}
