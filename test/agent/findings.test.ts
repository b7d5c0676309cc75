import assert from "node:assert/strict";
import { noteFindings } from "../../agent/findings.ts";
import type { Findings, Found } from "../../collectors/collector.ts";
import type { FindingState } from "../../overlay/diagnose/finding.ts";
import type { Draft } from "../../pipelines/record/stamp.ts";

const found = (state: FindingState, ip = "10.0.0.3"): Found => ({
  netns: "1-0123456789",
  network: { id: "0123456789ab", name: "testnet" },
  finding: {
    class: "self-loop",
    state,
    ip,
    mac: "02:42:0a:00:00:03",
    container: "B1",
    device: "vxlan0",
    evidence: `02:42:0a:00:00:03 dev vxlan0 dst 172.31.240.1 self permanent, ${state}`,
    remedy: "pin",
    automatic: true,
  },
});
const look = (all: readonly Found[], ...unseen: readonly string[]): Findings => ({
  found: all,
  unseen: new Set(unseen),
});

describe("agent: findings in the journal", () => {
  const drafts: Draft[] = [];
  let note = noteFindings((draft) => void drafts.push(draft));
  beforeEach(() => {
    drafts.length = 0;
    note = noteFindings((draft) => void drafts.push(draft));
  });
  const said = () => drafts.splice(0).map(({ state }) => state);

  it("are noted when they come, change and go, with their row, and not while they stay", () => {
    note(look([found("latent")]));
    assert.deepEqual(drafts, [
      {
        kind: "finding",
        message:
          "B1 on testnet: self-loop is latent: 02:42:0a:00:00:03 dev vxlan0 dst 172.31.240.1 self permanent, latent",
        state: "latent",
        class: "self-loop",
        network: "testnet",
        networkId: "0123456789ab",
        netns: "1-0123456789",
        container: "B1",
        ip: "10.0.0.3",
        mac: "02:42:0a:00:00:03",
        dev: "vxlan0",
      },
    ]);
    drafts.length = 0;
    note(look([found("latent")]));
    assert.deepEqual(said(), []);
    note(look([found("active")]));
    assert.deepEqual(said(), ["active"]);
    note(look([]));
    assert.deepEqual(said(), ["gone"]);
  });

  it("in a namespace that could not be judged are not called gone", () => {
    note(look([found("active")]));
    note(look([], "1-0123456789"));
    note(look([found("active")]));
    assert.deepEqual(said(), ["active"]);
  });

  it("that change by the hundred are counted", () => {
    note(look(Array.from({ length: 130 }, (_, n) => found("latent", `10.0.1.${n}`))));
    assert.equal(drafts.length, 51);
    assert.match(drafts.at(-1)?.message ?? "", /^and 80 more/);
  });
});
