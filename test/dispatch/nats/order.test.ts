import assert from "node:assert/strict";
import { assert as check, jsonValue, property, string } from "fast-check";
import { openOrder, sealJob, sealWithdrawal, TurnedAway } from "../../../dispatch/nats/protocol.ts";
import {
  isSigned,
  makeSigningKey,
  readGatewayKeys,
  readSigningKey,
  signatureOf,
} from "../../../dispatch/nats/signature.ts";
import { hostKeyOf, subjects } from "../../../dispatch/nats/subjects.ts";
import { jobFor } from "./fleet.ts";

const host = "web-1.example.com";
const pair = makeSigningKey();
const key = readSigningKey(pair.secret);
const receiver = { host, gatewayKeys: readGatewayKeys(pair.public) };
const now = 1_700_000_000_000;
const job = jobFor(host, { at: now });
const bytes = (text: string) => Buffer.from(text);

/** A text that the gateway's own key signs, whatever it says. */
const signed = (what: unknown) => {
  const body = JSON.stringify(what);
  return { body, signature: signatureOf(body, key) };
};

const turnedAway = ({ body, signature }: { body: string; signature: string }, at = now, who = receiver): string => {
  try {
    openOrder(bytes(body), signature, who, at);
  } catch (error) {
    assert.ok(error instanceof TurnedAway, String(error));
    return error.message;
  }
  return "taken";
};

describe("dispatch/nats: orders", () => {
  it("are opened by the host that they are for", () => {
    const sealed = sealJob(job, key);
    assert.deepEqual(openOrder(bytes(sealed.body), sealed.signature, receiver, now), {
      v: 1,
      key: hostKeyOf(host),
      job,
    });
    const withdrawal = { v: 1, trace: job.trace, host, monitor: "1", cycle: "c" } as const;
    const asked = sealWithdrawal(withdrawal, "0".repeat(32), now, key);
    const opened = openOrder(bytes(asked.body), asked.signature, receiver, now);
    assert.ok("withdraw" in opened);
    assert.deepEqual(opened.withdraw, withdrawal);
  });

  const good = sealJob(job, key);
  const parsed: Readonly<Record<string, unknown>> = { v: 1, key: hostKeyOf(host), job };
  const unknown = "it is none of the orders that this version knows";

  it("that are unsigned, forged or changed are turned away before they are read", () => {
    assert.equal(turnedAway({ body: good.body, signature: "" }), "it is not signed");
    const stranger = readSigningKey(makeSigningKey().secret);
    for (const signature of [
      signatureOf(good.body, stranger),
      "x",
      "=",
      `${good.signature}AAAA`,
      good.signature.slice(4),
      Buffer.alloc(64).toString("base64"),
    ])
      assert.equal(turnedAway({ body: good.body, signature }), "the gateway has not signed it", signature);
    assert.equal(
      turnedAway({ body: good.body.replace("Triggered", "triggered"), signature: good.signature }),
      "the gateway has not signed it",
    );
    assert.equal(turnedAway({ body: `${good.body} `, signature: good.signature }), "the gateway has not signed it");
  });

  it("whose signature is of another domain are turned away", () => {
    const other = signatureOf("x", key);
    assert.ok(!isSigned(bytes("overlaywatch order 1\nx"), other, receiver.gatewayKeys));
    assert.ok(isSigned(bytes("x"), other, receiver.gatewayKeys));
  });

  it("with fields more, fields less, or of another version are turned away", () => {
    for (const what of [
      { ...parsed, extra: 1 },
      { ...parsed, v: 2 },
      { ...parsed, job: { ...job, command: "ip" } },
      { ...parsed, job: { ...job, v: 2 } },
      { ...parsed, job: { ...job, alert: { ...job.alert, mac: "x" } } },
      { v: 1, key: hostKeyOf(host) },
      { v: 1, job },
      { ...parsed, job: { ...job, host: "*" } },
      { ...parsed, job: { ...job, host: ">" } },
      [],
      null,
      "job",
    ])
      assert.equal(turnedAway(signed(what)), unknown, JSON.stringify(what));
    assert.equal(turnedAway({ body: "{", signature: signatureOf("{", key) }), unknown);
  });

  it("for another host are turned away, by its name and by its key", () => {
    const other = "db-1.example.com";
    assert.equal(turnedAway(sealJob(jobFor(other, { at: now }), key)), "it is for another host");
    assert.equal(turnedAway(signed({ ...parsed, job: { ...job, host: other } })), "it is for another host");
    assert.equal(turnedAway(signed({ ...parsed, key: hostKeyOf(other) })), "it is for another host");
  });

  it("that are over, or of a clock that is more than two minutes ahead, are turned away, and say whose", () => {
    assert.equal(turnedAway(good, job.notAfter + 5000), "its time was over 5 s ago");
    assert.equal(turnedAway(good, now - 121_000), "it is 121 s in the future: are the clocks right?");
    assert.equal(turnedAway(good, now - 120_000), "taken");
    assert.equal(turnedAway(good, job.notAfter - 1), "taken");
    assert.throws(
      () => openOrder(bytes(good.body), good.signature, receiver, job.notAfter),
      (error: TurnedAway) => error.job?.id === job.id,
    );
  });

  it("are opened with either of two keys while one takes the other's place", () => {
    const next = makeSigningKey();
    const both = { host, gatewayKeys: readGatewayKeys(`${pair.public}${next.public}`) };
    assert.equal(turnedAway(sealJob(job, readSigningKey(next.secret)), now, both), "taken");
    assert.equal(turnedAway(good, now, both), "taken");
  });

  it("never throw anything else, whatever comes", () => {
    check(
      property(jsonValue(), (value) => {
        assert.notEqual(turnedAway(signed(value)), "taken");
      }),
    );
    check(property(string(), string(), (body, signature) => void turnedAway({ body, signature })));
  });

  it("keys that are none are refused with nothing of them in the words", () => {
    const rsa = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----";
    for (const text of ["", "secret", rsa, pair.public])
      assert.throws(() => readSigningKey(text), /^Error: expected a private Ed25519 key, PEM$/u);
    for (const text of ["", "secret", pair.secret, "-----BEGIN PUBLIC KEY-----\nc2VjcmV0\n-----END PUBLIC KEY-----"])
      assert.throws(() => readGatewayKeys(text), /^Error: expected a public Ed25519 key, PEM$/u);
  });

  it("go to one host, whatever it is called", () => {
    for (const name of ["*", ">", "a.b.c", "host", "*.>", "$JS", " ", "ä"]) {
      assert.match(hostKeyOf(name), /^[0-9a-f]{20}$/u);
      assert.equal(subjects.job(hostKeyOf(name)).split(".").length, 3);
    }
    assert.equal(hostKeyOf("Web-1.Example.COM"), hostKeyOf(host));
    assert.notEqual(hostKeyOf("*"), hostKeyOf(">"));
  });
});
