import { stringify } from "yaml";
import { type Command, configOf, parseCommand } from "./command.ts";
import { configJsonSchema } from "./config/options.ts";
import { exampleConfig } from "./config/example.ts";
import { exitCodes } from "./exit-codes.ts";
import { globalTagsOf } from "./global-tags.ts";
import { transportOf } from "./transport.ts";

const usage = `usage: overlaywatch configcheck [--example | --schema]

Checks the configuration and prints what is in force, and where each key that is not at its default was set.
  --example   the commented example file
  --schema    the JSON schema of the file, for editors

Example: overlaywatch configcheck --config ./overlaywatch.yaml

Exit code 0: it can be used; 78: it can not (says which key).
`;

const options = { example: { type: "boolean" }, schema: { type: "boolean" } } as const;

export const command: Command = {
  summary: "check the configuration and print what is in force",
  usage,
  options,
  run: (args, io) => {
    const { values } = parseCommand(args, options);
    io.stdout.write(
      values.example === true
        ? exampleConfig()
        : values.schema === true
          ? `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`
          : inForce(),
    );
    return Promise.resolve(exitCodes.ok);

    function inForce(): string {
      const { config, origins, file } = configOf(values, io);
      const sending = transportOf(config, io.env);
      const tags = globalTagsOf(config, io.env);
      if (values.json === true)
        return `${JSON.stringify({ file: file ?? null, config, origins: Object.fromEntries(origins), dogstatsd: sending, tags }, undefined, 2)}\n`;
      const set = [...origins].map(([key, origin]) => `  ${key}  from ${origin}\n`);
      const target =
        sending.transport.kind === "udp"
          ? `udp://${sending.transport.host}:${sending.transport.port}`
          : `unix://${sending.transport.path}`;
      return `# file: ${file ?? "none"}\n${stringify(config)}\nSet by:\n${set.length > 0 ? set.join("") : "  (all defaults)\n"}\nDogStatsD goes to ${target} (${sending.from}); tags on everything: ${
        Object.entries(tags)
          .map(([k, v]) => `${k}:${v}`)
          .join(" ") || "none"
      }\n`;
    }
  },
};
