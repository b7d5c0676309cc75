import assert from "node:assert/strict";
import { isTaken, poolFolder } from "../../../overlay/stale/address-pool.ts";

const pool = "GlobalDefault/10.0.0.0/24";

/** Of engine 20.10: network, gateway and six containers from 10.0.0.2 on, and the broadcast address. */
const value =
  '{"id":"GlobalDefault/10.0.0.0/24","sequence":"AAAAAAAAAQAAAAAAAAAA9/8AAAAAAAAAAAAAAQAAAAAAAAAAAAAABgAAAAEAAAAAAAAAAQ=="}';

describe("overlay/stale/address-pool", () => {
  it("tells taken addresses from free ones", () => {
    const taken = Array.from({ length: 256 }, (_, at) => at).filter((at) => isTaken(value, pool, `10.0.0.${at}`));
    assert.deepEqual(taken, [0, 1, 2, 3, 4, 5, 6, 7, 255]);
    assert.equal(isTaken(value, pool, "10.0.0.8"), false);
  });

  it("says nothing of another pool's address, and of a value that is none", () => {
    for (const [text, of, ip] of [
      [value, pool, "10.0.1.0"],
      [value, pool, "9.255.255.255"],
      [value, pool, "no address"],
      [value, "GlobalDefault/nothing", "10.0.0.2"],
      ['{"sequence":"AAAA"}', pool, "10.0.0.2"],
      ['{"sequence":7}', pool, "10.0.0.2"],
      ["null", pool, "10.0.0.2"],
      ["{", pool, "10.0.0.2"],
    ] as const)
      assert.equal(isTaken(text, of, ip), undefined, `${text} ${of} ${ip}`);
  });

  it("knows where libnetwork keeps a pool, and leaves another driver's alone", () => {
    assert.equal(poolFolder(pool), "docker/network/v1.0/ipam/default/data/GlobalDefault/10.0.0.0/24");
    for (const other of ["", "GlobalDefault/10.0.0.0/24/10.0.0.128/25", "../../nodes/1", "infoblox"])
      assert.equal(poolFolder(other), undefined);
  });
});
