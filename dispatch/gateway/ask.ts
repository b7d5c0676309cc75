import { X509Certificate } from "node:crypto";
import { type ClientRequest, type IncomingMessage, request as askPlain } from "node:http";
import { request as askSecure } from "node:https";
import { text } from "node:stream/consumers";
import { TLSSocket } from "node:tls";

interface Question {
  readonly url: string;
  readonly token: string;
  readonly body: string;
  /** The one certificate that the gateway has to show; otherwise one that the system trusts, for the name in the address. */
  readonly pinned?: string;
  readonly timeoutMs: number;
}

/** Posts to a gateway as Datadog does. Rejects where there is no answer. */
export async function askGateway(question: Question): Promise<{ readonly code: number; readonly body: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = open(question);
    asking.setTimeout(question.timeoutMs, () => asking.destroy(new Error(`no answer within ${question.timeoutMs} ms`)));
    asking.on("response", resolve).on("error", reject);
    // The token goes out only when it is known to whom.
    if (question.pinned === undefined) asking.end(question.body);
    else asking.on("socket", (socket) => void socket.on("secureConnect", () => judge(asking, socket, question)));
  });
  return { code: response.statusCode ?? 0, body: await text(response) };
}

function open({ url, token, body, pinned }: Question): ClientRequest {
  const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
  };
  const options = { method: "POST", headers, agent: false } as const;
  if (new URL(url).protocol === "http:") return askPlain(url, options);
  return askSecure(url, { ...options, ...(pinned !== undefined && { rejectUnauthorized: false }) });
}

function judge(asking: ClientRequest, socket: unknown, { pinned = "", body }: Question): void {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.fingerprint256 : undefined;
  if (shown === new X509Certificate(pinned).fingerprint256) asking.end(body);
  else asking.destroy(new Error("who listens there shows another certificate than webhook.tls.cert_file"));
}
