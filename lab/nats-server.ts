import { type Log, provide, sourceOf } from "./engines.ts";
import { labRoot } from "./folder.ts";
import { must } from "./process.ts";

const place = `${labRoot}/nats`;
const program = `${place}/usr/sbin/nats-server`;

/**
 * Brings Debian bookworm's, and gives its path; at once where it is there. For tests and labs: that version has holes that
 * a server which others reach must not have (docs/fleet.md).
 */
export async function provideNatsServer(log: Log): Promise<string> {
  await provide(place, log, async (target, downloads) => {
    const source = await sourceOf("bookworm", `${downloads}.apt`, log);
    await source.unpack(["nats-server"], downloads, target);
    log((await must([`${target}/usr/sbin/nats-server`, "--version"])).trim());
  });
  return program;
}
