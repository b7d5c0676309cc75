import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fixedEnv, isExecutable } from "./iproute2/program.ts";
import { isMissing, messageOf } from "./thrown.ts";

interface AskedWhere {
  /** The agent's own configuration. */
  readonly configFile: string;
  /** Where its program may be. */
  readonly programs?: readonly string[];
}

/** What the Datadog agent calls this host, or why that is not known. */
export type AgentName = { readonly name: string; readonly from: string } | { readonly problems: readonly string[] };

const shippedAt = ["/opt/datadog-agent/bin/agent/agent", "/usr/bin/datadog-agent"];

/** `DD_HOSTNAME`, then `hostname:` of the agent's configuration, then the agent's own word: its order of precedence. */
export async function datadogHostname(
  env: Readonly<Record<string, string | undefined>>,
  { configFile, programs = shippedAt }: AskedWhere,
): Promise<AgentName> {
  const told = env["DD_HOSTNAME"]?.trim() ?? "";
  if (told !== "") return { name: told, from: "DD_HOSTNAME" };
  const written = nameIn(configFile);
  if ("name" in written) return written;
  const program = programs.find(isExecutable);
  if (program === undefined) return { problems: [...written.problems, `there is no ${programs.join(" or ")}`] };
  try {
    return { name: await askProgram(program), from: `${program} hostname` };
  } catch (error) {
    return { problems: [...written.problems, `${program} hostname: ${messageOf(error)}`] };
  }
}

function nameIn(path: string): AgentName {
  try {
    // A key of the top level, as the agent's template has it: quotes and a comment may stand around the name.
    const [, name] = /^hostname:[ \t]*["']?([^\s"'#]+)/mu.exec(readFileSync(path, "utf8")) ?? [];
    return name === undefined ? { problems: [`${path} has no hostname:`] } : { name, from: path };
  } catch (error) {
    return { problems: [isMissing(error) ? `there is no ${path}` : messageOf(error)] };
  }
}

const [atMost, longest] = [3000, 4096];

async function askProgram(program: string): Promise<string> {
  const child = spawn(program, ["hostname"], { env: fixedEnv, cwd: "/", stdio: ["ignore", "pipe", "ignore"] });
  let [said, late] = ["", false];
  const stop = (): void => {
    child.kill("SIGKILL");
    // What it started may still have the pipe.
    child.stdout.destroy();
  };
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, atMost);
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.length > longest) stop();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => clearTimeout(timer));
  if (late) throw new Error(`not ended within ${atMost} ms`);
  if (code !== 0 || said.length > longest) throw new Error(`ended with code ${code}, or said too much`);
  return said.trim();
}
