import assert from "node:assert/strict";
import { socketPathOf } from "../../../host/docker/socket.ts";

describe("host/docker/socket", () => {
  it("takes a unix URL and a bare path", () => {
    assert.equal(socketPathOf("unix:///run/docker.sock"), "/run/docker.sock");
    assert.equal(socketPathOf("/var/run/docker.sock"), "/var/run/docker.sock");
  });

  it("refuses all else, and says what and why", () => {
    for (const [text, why] of [
      ["tcp://10.0.0.1:2375", /tcp:\/\/ is not supported/],
      ["ssh://root@host", /ssh:\/\/ is not supported/],
      ["unix://tcp://x", /tcp:\/\/ is not supported/],
      ["docker.sock", /not an absolute path/],
      ["unix://docker.sock", /not an absolute path/],
      ["", /not an absolute path/],
      ["/run/\0docker.sock", /control characters/],
      [`/${"ä".repeat(54)}`, /107 bytes/],
    ] as const) {
      assert.throws(() => socketPathOf(text), why, text);
      assert.throws(() => socketPathOf(text), /Write unix:\/\/\//);
    }
  });
});
