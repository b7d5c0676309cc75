import assert from "node:assert/strict";
import * as fc from "fast-check";
import { byState, numbers } from "../../../host/sockets/states.ts";
import { tallyText, textTally } from "../../../host/sockets/text.ts";

/** From a kernel 6.18. */
const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 500065 1 000000005e6c8a1e 100 0 0 10 0                    
   1: 0100007F:2328 0100007F:A6E2 01 00000000:00000000 00:00000000 00000000     0        0 500068 1 00000000c8d7d1b9 20 0 0 10 -1                    
   2: 0100007F:A6E2 0100007F:2328 08 00000000:00000000 00:00000000 00000000     0        0 500066 1 000000007a1c9b7a 20 0 0 10 -1                    
12345: 0100007F:A6F6 0100007F:2328 06 00000000:00000000 03:00001738 00000000     0        0 0 3 00000000f3c7ae1b                                      
`;
const tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:2328 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 500101 1 00000000e2ba9b70 100 0 0 10 0
   1: 00000000000000000000000001000000:2328 00000000000000000000000001000000:B2D0 03 00000000:00000000 01:0000003C 00000002     0        0 0 1 0000000000000000
`;

const plain = (tally: ArrayLike<number>) => Array.from(tally);

describe("host/sockets/text", () => {
  it("counts the lines of tcp and of tcp6 by state", () => {
    const states = byState(tallyText(tcp6, tallyText(tcp)));
    assert.deepEqual(states, {
      established: 1,
      syn_sent: 0,
      syn_recv: 1,
      fin_wait1: 0,
      fin_wait2: 0,
      time_wait: 1,
      close: 0,
      close_wait: 1,
      last_ack: 0,
      listen: 2,
      closing: 0,
    });
  });

  it("counts the same whatever the pieces are that it comes in", () => {
    const bytes = Buffer.from(tcp + tcp6);
    const whole = plain(tallyText(tcp + tcp6));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
        const text = textTally();
        const memory = Buffer.alloc(bytes.length);
        const ends = [...cuts, bytes.length].toSorted((a, b) => a - b);
        for (const [i, end] of ends.entries()) {
          // As the reader does it: each piece into the same memory.
          const length = bytes.copy(memory, 0, ends[i - 1] ?? 0, end);
          text.add(memory.subarray(0, length));
        }
        assert.deepEqual(plain(text.end()), whole);
      }),
    );
  });

  it("takes an empty file, and one that is only a heading", () => {
    assert.deepEqual(
      plain(tallyText("")),
      Array.from({ length: 13 }, () => 0),
    );
    assert.equal(tallyText(`${tcp.split("\n")[0]}\n`)[numbers.listen], 0);
  });

  for (const [what, line] of [
    ["a state that no kernel has", "   1: 0100007F:2328 0100007F:A6E2 0D 0\n"],
    ["a state of no digits", "   1: 0100007F:2328 0100007F:A6E2 xx 0\n"],
    ["a state that is too long", "   1: 0100007F:2328 0100007F:A6E2 001 0\n"],
    ["a line without a state", "   1: 0100007F:2328 0100007F:A6E2\n"],
    ["an empty line", "\n"],
    ["a line that is cut off", "   1: 0100007F:2328 0100007F:A6E2 01"],
    ["another file", "Inter-|   Receive                                                |  Transmit\n"],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => tallyText(tcp + line),
        /^Error: not a line of \/proc\/PID\/net\/tcp as the kernel writes it/u,
      );
    });
  }
});
