import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";
import type { LabHost } from "../../lab/host.ts";

export interface EchoIpam {
  /** For a network's `IPAM.Driver`. */
  readonly driver: string;
  readonly close: () => void;
}

const asked = z.object({ Pool: z.string().default(""), Address: z.string().default("") });

/**
 * An address manager of its own for a host's engine, as companies have them: it gives every pool and every address that is asked
 * for, so that two networks can have one subnet, and containers of both one address. Docker's own refuses that.
 */
export async function echoIpam(host: LabHost): Promise<EchoIpam> {
  const driver = "echo";
  const server = createServer((request, response) => void answer(request, response));
  // Where engines look for plugins; by way of the host's own /run.
  const folder = `/proc/${host.pid}/root/run/docker/plugins`;
  mkdirSync(folder, { recursive: true });
  server.listen(`${folder}/${driver}.sock`);
  await once(server, "listening");
  return {
    driver,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const given = asked.parse(body === "" ? {} : JSON.parse(body));
  response.end(JSON.stringify(answerTo(request.url ?? "", given)));
}

let pools = 0;

/** Docker's remote IPAM API: names are of its protocol. */
function answerTo(path: string, { Pool, Address }: z.output<typeof asked>): object {
  if (path === "/Plugin.Activate") return { Implements: ["IpamDriver"] };
  if (path === "/IpamDriver.GetDefaultAddressSpaces")
    return { LocalDefaultAddressSpace: "echo-local", GlobalDefaultAddressSpace: "echo-global" };
  if (path === "/IpamDriver.RequestPool") return { PoolID: `echo-${process.pid}-${pools++}`, Pool, Data: {} };
  if (path === "/IpamDriver.RequestAddress") return { Address: `${Address}/24`, Data: {} };
  return {};
}
