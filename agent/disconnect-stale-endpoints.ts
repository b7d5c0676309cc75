import { addressOfHost } from "../host/resolve.ts";
import { type EndpointsJson, endpointsText, noEndpoints } from "./by-hand/endpoints-told.ts";
import { guarded } from "./by-hand/guarded.ts";
import { byHandExits } from "./by-hand/outcome.ts";
import { staleEndpoints } from "./by-hand/stale-endpoints.ts";
import { type Command, configOf, parseCommand } from "./command.ts";
import { errorText } from "./error-text.ts";
import { UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch disconnect-stale-endpoints [--node ADDRESS|NAME] [--apply [--yes]]

Classic overlays (--cluster-store, engines up to 20.10): a node that died leaves its endpoints in the store, and with them
names and addresses that nobody can have again. This takes them out, as \`docker network disconnect -f\` does, once the node
is dead beyond doubt: its key in the store has run out, its address answers neither pings nor TCP, no engine of the cluster
has it as a member, and no address of its containers answers from the containers of this host; seen twice, 10 s apart.
Anything else is refused, and so is a host that may itself be the one that is cut off. Without --node it lists what there
is. Needs root. A node that was cut off from everything at once and still runs looks the same: fence it first.
  --node X   the dead node, by the address that it advertised, or a name that leads to it
  --apply    do it; without, nothing is changed
  --yes      nobody is asked to type the node's address
  --json     {outcome,nodes:[{node,verdict,statements,endpoints:[{network,name,ip,mac,locator,result,...}]}],refused,ambiguous,record}

Example: overlaywatch disconnect-stale-endpoints --node 10.1.2.3 --apply

Exit code 0: nothing to do; 10: done and verified; 11: a dry run found work; 20: refused (said why); 30: not all was done, or
could be verified; 40: something is left that a person has to judge; 69: Docker does not answer; 75: another run is at work.
`;

const options = { node: { type: "string" }, apply: { type: "boolean" }, yes: { type: "boolean" } } as const;

export const command: Command = {
  summary: "free names and addresses of a dead node of a classic overlay",
  usage,
  options,
  run: async (args, io) => {
    const { values } = parseCommand(args, options);
    const { config } = configOf(values, io);
    const apply = values.apply === true;
    if (apply && values.node === undefined)
      throw new UsageError("--apply: say which node is dead, with --node ADDRESS");
    if (values.yes === true && !apply) throw new UsageError("--yes: only together with --apply");
    const node = values.node === undefined ? undefined : await addressed(values.node);
    const holder = `overlaywatch disconnect-stale-endpoints, process ${io.pid}`;
    const json = await guarded(config, { apply, holder }, ended, async () =>
      staleEndpoints(config, { apply, yes: values.yes === true, node }, io),
    );
    const { outcome, ...rest } = json;
    io.stdout.write(
      values.json === true ? `${JSON.stringify({ outcome, ...rest }, undefined, 1)}\n` : endpointsText(json),
    );
    return byHandExits[json.outcome];
  },
};

const ended = (outcome: EndpointsJson["outcome"], reason: EndpointsJson["refused"][number]): EndpointsJson => ({
  ...noEndpoints,
  outcome,
  refused: [reason],
});

async function addressed(name: string): Promise<string> {
  try {
    return await addressOfHost(name);
  } catch (cause) {
    throw new UsageError(`--node ${name}: no IPv4 address, and no name of one: ${errorText(cause)}`, { cause });
  }
}
