import { readFileSync } from "node:fs";
import { load } from "koffi";

const clockGettime = load(null).func("int clock_gettime(int, _Out_ int64_t *)");

/**
 * CPU time of all threads of a process since it began, those that ended too, in milliseconds: its own clock tells it to
 * the nanosecond (clock_getcpuclockid(3)), where `/proc/PID/stat` counts in steps of 10 ms and not every kernel has `schedstat`.
 */
export function cpuOfProcess(pid: number): number {
  const time = new BigInt64Array(2);
  const result: unknown = clockGettime((~pid << 3) | 2, time);
  if (result !== 0) throw new Error(`can not read the CPU clock of process ${pid}: it is not there`);
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}

/**
 * CPU time of all programs that this process has started and that have ended, in milliseconds: `cutime` and `cstime`, which
 * count in hundredths of a second (proc_pid_stat(5)), all of them together.
 */
export function cpuOfPrograms(): number {
  const [, afterName = ""] = readFileSync("/proc/self/stat", "utf8").split(") ");
  const [user = 0, system = 0] = afterName.split(" ").slice(13, 15).map(Number);
  return (user + system) * 10;
}

/**
 * What the last lines of a bash script that ends with `times` tell: CPU time of the shell and of all that it waited
 * for, in milliseconds. `0m0.012s 0m0.034s`, user and system.
 */
export function cpuByTimes(printed: string): number {
  const spent = [...printed.matchAll(/(\d+)m(\d+\.\d+)s/gu)].slice(-4);
  if (spent.length < 4) throw new Error(`bash's times said nothing: ${printed}`);
  return spent.reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000, 0);
}
