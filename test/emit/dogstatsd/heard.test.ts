import assert from "node:assert/strict";
import { isHeard } from "../../../emit/dogstatsd/heard.ts";
import { startReceiver } from "../../../emit/dogstatsd/receiver.ts";
import { useFolder } from "../../agent/folder.ts";

describe("emit/dogstatsd/heard", () => {
  const { path } = useFolder();

  it("knows whether somebody has a UDP port of this machine, and disturbs nobody who has", async () => {
    const seen: unknown[] = [];
    const invalid: unknown[] = [];
    const receiver = await startReceiver({ udp: { port: 0 }, onInvalid: (reason) => invalid.push(reason) }, (one) =>
      seen.push(one),
    );
    const { port } = receiver.udp!;
    const transport = { kind: "udp", host: "127.0.0.1", port } as const;
    assert.equal(await isHeard(transport), true);
    assert.equal(receiver.stats().udp.datagrams, 1, "it was asked");
    assert.deepEqual([seen, invalid], [[], []], "and took it for nothing");
    await receiver.close();
    assert.equal(await isHeard(transport), false);
  });

  it("knows whether there is a socket, and leaves alone what it can not know", async () => {
    const socket = `${path()}/dsd`;
    assert.equal(await isHeard({ kind: "uds", path: socket }), false);
    const receiver = await startReceiver({ uds: { path: socket } }, () => undefined);
    assert.equal(await isHeard({ kind: "uds", path: socket }), true);
    await receiver.close();
    assert.equal(await isHeard({ kind: "udp", host: "no-such-host.invalid", port: 8125 }), true);
  });
});
