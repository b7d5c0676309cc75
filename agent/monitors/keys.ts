import { atomicFile } from "../../host/atomic-file.ts";
import type { Keys } from "../../monitors/sync/transport.ts";
import type { Io } from "../command.ts";
import type { Config } from "../config/schema.ts";

/** Whether both keys are given at all. */
export const hasKeys = (config: Config, { env }: Io): boolean =>
  sources(config).every(({ variable, file }) => (env[variable] ?? "") !== "" || file !== "");

const sources = ({ datadog }: Config) => [
  { variable: "DD_API_KEY", option: "datadog.api_key_file", file: datadog.api_key_file },
  { variable: "DD_APP_KEY", option: "datadog.app_key_file", file: datadog.app_key_file },
];

/** Throws an Error that says which is missing; none quotes a key. */
export async function keysOf(config: Config, { env }: Io): Promise<Keys> {
  const [api = "", application = ""] = await Promise.all(
    sources(config).map(async ({ variable, option, file }) => {
      const set = (env[variable] ?? "").trim();
      const key = set === "" && file !== "" ? ((await atomicFile(file).read()) ?? "").trim() : set;
      // What a header can not hold would be told of by an error that quotes it.
      if (!/^[\x21-\x7e]*$/u.test(key)) throw new Error(`${set === "" ? file : variable}: no key: it has blanks in it`);
      if (key === "") throw new Error(`no key: set ${variable}, or name a file that has it in ${option}`);
      return key;
    }),
  );
  return { api, application };
}
