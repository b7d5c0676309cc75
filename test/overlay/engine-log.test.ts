import assert from "node:assert/strict";
import * as fc from "fast-check";
import { logFindings, patterns } from "../../overlay/engine-log.ts";

const at = Date.UTC(2026, 10, 25, 18, 0, 0);
const line = (message: string, agoMs = 0) => ({ at: at - agoMs, message });

/** By id of the pattern: as engines 20.10 and 28.5 print them. */
const lines: Readonly<Record<(typeof patterns)[number]["id"], string>> = {
  "node-failed":
    'time="2026-11-25T18:00:00Z" level=info msg="Node 9bb5f9e2a1c3 change state NodeActive --> NodeFailed"',
  "no-acknowledgement": 'level=warning msg="memberlist: Suspect 9bb5f9e2a1c3 has failed, no acks received"',
  "no-udp":
    'level=warning msg="memberlist: Was able to connect to c781180da030 over TCP but UDP probes failed, network may be misconfigured"',
  "bulk-sync": 'level=error msg="Bulk sync to node 9bb5f9e2a1c3 timed out"',
  gossip: 'level=error msg="Failed to send gossip to 172.31.240.2: write udp: network is unreachable"',
  "health-score": 'level=warning msg="NetworkDB stats dockerhost1(9bb5f9e2a1c3) - healthscore:3 (connectivity issues)"',
  "peer-unresolved":
    'level=error msg="could not resolve peer \\"<nil>\\": timed out resolving peer by querying the cluster"',
  transient: 'level=warning msg="peerDbAdd transient condition - Key:10.0.0.3 02:42:0a:00:00:03 cardinality:2"',
  "neighbour-present": 'level=warning msg="Neighbor entry already present for IP 10.0.0.3, mac 02:42:0a:00:00:03"',
  "row-not-written": 'level=warning msg="could not add fdb entry for nid:x eid:y into the sandbox: file exists"',
  "peer-operation": "level=warning msg=\"Peer operation failed:network not found\" op='&{3 abc}'",
  "peer-database": 'level=warning msg="Entry was not in db: nid:x eid:y peerIP:10.0.0.3"',
  "join-failed":
    'level=error msg="subnet sandbox join failed for \\"10.0.0.0/24\\": error creating vxlan interface: file exists"',
};

describe("overlay/engine-log", () => {
  for (const { id, meaning, class: of } of patterns)
    it(`knows ${id}`, () => {
      const [found, ...more] = logFindings([line(lines[id])], 15);
      assert.ok(found !== undefined);
      assert.deepEqual([more.length, found.class, found.state, found.automatic], [0, of, "latent", false]);
      assert.ok(found.evidence.startsWith(`${meaning}: dockerd said so once in 15 minutes`), found.evidence);
    });

  it("says nothing of what a healthy engine prints", () => {
    const healthy = [
      'level=info msg="NetworkDB stats dockerhost1(9bb5f9e2a1c3) - netID:b1c4ofgbir leaving:false netPeers:2 entries:4 Queue qLen:0 netMsg/s:0"',
      'level=info msg="Node 9bb5f9e2a1c3 change state NodeFailed --> NodeActive"',
      'level=info msg="API listen on /run/docker.sock"',
      'level=info msg="memberlist: Suspicion is over"',
      'level=warning msg="NetworkDB stats dockerhost1(9bb5f9e2a1c3) - healthscore:0"',
    ];
    assert.deepEqual(
      logFindings(
        healthy.map((one) => line(one)),
        15,
      ),
      [],
    );
  });

  it("counts, and shows the last one, in whatever order they come", () => {
    const all = [
      line("Failed to send gossip to A", 5000),
      line("Failed to send gossip to C"),
      line("Failed to send gossip to B", 60_000),
    ];
    const [found, ...more] = logFindings(all, 15);
    assert.equal(more.length, 0);
    assert.equal(
      found?.evidence,
      "gossip could not be sent: dockerd said so 3 times in 15 minutes, last at 2026-11-25T18:00:00Z: Failed to send gossip to C",
    );
  });

  it("shows a printable piece of a line, and no more than that", () => {
    const long = `${"token=secret ".repeat(50)}Bulk sync to node \u001b[31mX timed out${" password=secret".repeat(50)}`;
    const [found] = logFindings([line(long)], 15);
    assert.ok(found !== undefined && found.evidence.length < 400 && !found.evidence.includes("\u001b"));
    assert.match(found.evidence, /: ….*Bulk sync to node .*…$/);
  });

  it("takes any line, and tells of it once at most", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...Object.values(lines)), fc.string(), (head, known, tail) => {
        const found = logFindings([line(`${head}${known}${tail}`)], 15);
        assert.equal(found.length, 1);
        assert.ok(/^[^\p{Cc}\p{Cf}]*$/u.test(found[0]?.evidence ?? ""));
      }),
    );
  });
});
