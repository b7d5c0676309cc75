import { type Command, configOf, parseCommand } from "./command.ts";
import { UsageError } from "./exit-codes.ts";

const usage = `usage: overlaywatch webhook
       overlaywatch webhook test [--url URL]

The gateway that Datadog's webhook calls, until SIGTERM: lets in who has the token, takes strictly what the shipped
webhook sends, and hands it over to the worker of this host, or of the host that the page names where broker.servers
names a broker (docs/fleet.md). It needs no rights at all. Section webhook of the configuration
says where it listens, which token, monitors, organisations and hosts are good; docs/webhook.md says what is answered.
  --json       one line when it listens: {url}

test sends a well-formed sample to one's own gateway, for this host, and shows what came of it at the worker.
  --url URL    the gateway's address with its path, such as that of the reverse proxy; webhook.listen by default

Example: overlaywatch webhook test --url https://gateway.example.com/webhook

Exit code 0: it was told to end, or the sample was accepted and, as far as that can be followed, ended well; 1: it was not;
69: it can not listen there (said why).
`;

const options = { url: { type: "string" } } as const;

export const command: Command = {
  summary: "let Datadog ask this host to look at itself: the gateway",
  usage,
  options,
  words: ["test"],
  run: async (args, io) => {
    const { values, positionals } = parseCommand(args, options, "some");
    const [what, ...more] = positionals;
    if (more[0] !== undefined || (what !== undefined && what !== "test"))
      throw new UsageError(`${more[0] ?? what}: webhook takes only test`);
    if (what === undefined && values.url !== undefined) throw new UsageError("--url: goes with test only");
    const { config } = configOf(values, io);
    const asJson = values.json === true;
    if (what === undefined) return (await import("./webhook/serve.ts")).serveWebhook(config, io, asJson);
    return (await import("./webhook/test.ts")).testWebhook(config, io, { asJson, url: values.url });
  },
};
