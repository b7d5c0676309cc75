import assert from "node:assert/strict";
import { assert as holds, constantFrom, nat, oneof, property, record, string, tuple } from "fast-check";
import { decide, type Policy } from "../../../dispatch/gateway/decide.ts";
import { type Message, messageKeys, parseMessage } from "../../../dispatch/gateway/message.ts";
import { webhookOf } from "../../../monitors/webhook.ts";
import { bodyOf, now, sample } from "./use-gateway.ts";

const policy: Policy = { monitors: ["11"], orgs: ["any"], hosts: new Set(["host-a"]), maxAge: 60_000 };

/** Texts that JSON can hold; half characters are no text. */
const text = string({ unit: "grapheme" });
const message = record<Message>({
  version: text,
  monitor_id: text,
  cycle: text,
  transition: text,
  event: text,
  host: text,
  scope: text,
  tags: text,
  title: text,
  date: text,
  org: text,
  link: text,
});

describe("dispatch/gateway: message", () => {
  it("has the very keys of the webhook that is shipped", () => {
    const { payload } = webhookOf("https://gateway.example.com/webhook").body;
    assert.ok(typeof payload === "string");
    const keys = [...payload.matchAll(/"(\w+)":"/gu)].map(([, key]) => key);
    assert.deepEqual(keys, messageKeys);
  });

  it("is read as JSON.parse reads it, however it is laid out", () => {
    holds(
      property(message, constantFrom(undefined, 1, "\t", "\r\n "), (made, space) => {
        assert.deepEqual(parseMessage(JSON.stringify(made, undefined, space)), { ...made });
      }),
    );
  });

  it("is never read from what JSON.parse refuses, or reads in another way", () => {
    const good = bodyOf();
    const mutated = tuple(nat(good.length), nat(3), string({ unit: "binary", maxLength: 3 })).map(
      ([at, less, more]) => good.slice(0, at) + more + good.slice(at + less),
    );
    holds(
      property(mutated, (json) => {
        const read = parseMessage(json);
        if (read !== undefined) assert.deepEqual(read, JSON.parse(json));
      }),
      { numRuns: 3000 },
    );
  });

  it("takes no time that grows with the square of its length", () => {
    const long = 16 * 1024;
    const hostile = [
      bodyOf().padEnd(long, " "),
      bodyOf().padStart(long, " "),
      `{${" ".repeat(long)}`,
      `{"a"${" ".repeat(long)}`,
      `{"a":${" ".repeat(long)}`,
      `{"${"\\\\".repeat(long / 2)}`,
      `{${'"a":"b",'.repeat(long / 8)}`,
      `{${'"'.repeat(long)}`,
      bodyOf({ title: '\\"'.repeat(long / 4) }),
    ];
    const began = performance.now();
    for (let i = 0; i < 20; i++) for (const one of hostile) parseMessage(one);
    const ms = performance.now() - began;
    assert.ok(ms < 5000, `${hostile.length * 20} of them took ${Math.round(ms)} ms`);
  });
});

describe("dispatch/gateway: decide", () => {
  it("asks for a host only that is named by host and scope, and allowed, whatever they are", () => {
    const host = oneof(text, constantFrom("host-a", "HOST-A", "host-a,host-b", "host-b", " host-a", "*"));
    const scope = oneof(
      text,
      host.map((one) => `host:${one}`),
      tuple(host, host).map(([a, b]) => `host:${a},x:y,host:${b}`),
    );
    holds(
      property(host, scope, scope, (name, scoped, tags) => {
        const decision = decide({ ...sample, host: name, scope: scoped, tags }, policy, now);
        if ("end" in decision) return;
        assert.equal(decision.host, "host-a");
        assert.equal(name.toLowerCase(), "host-a");
        assert.equal(scoped.match(/(?:^|,)\s*host:/gu)?.length, 1);
      }),
      { numRuns: 2000 },
    );
  });

  it("asks for nothing but a job or its withdrawal: there is no word in either that says what to do", () => {
    holds(
      property(message, (any) => {
        const decision = decide(
          { ...sample, title: any.title, tags: "", link: any.link, cycle: any.cycle },
          policy,
          now,
        );
        if ("end" in decision) return;
        assert.deepEqual(Object.keys(decision), ["ask", "host", "alert"]);
        assert.deepEqual(Object.keys("alert" in decision ? decision.alert : {}).toSorted(), [
          "cycle",
          "event",
          "link",
          "monitor",
          "org",
          "scope",
          "title",
          "transition",
        ]);
      }),
    );
  });
});
