/** Every site of Datadog's. The API of each is at `https://api.<site>`. */
const sites = [
  "datadoghq.com",
  "us3.datadoghq.com",
  "us5.datadoghq.com",
  "datadoghq.eu",
  "ap1.datadoghq.com",
  "ap2.datadoghq.com",
  "uk1.datadoghq.com",
  "ddog-gov.com",
  "us2.ddog-gov.com",
] as const;

/** A site or an address that can not be meant. Nothing was sent. */
export class BadSite extends Error {
  override readonly name = "BadSite";
}

/** The API's address by site, or `other` in its place. Throws `BadSite`: keys go to no address by mistake. */
export function apiUrl(site: string, other?: string): string {
  if (other !== undefined) return otherUrl(other);
  const known = sites.find((one) => one === site.toLowerCase());
  if (known === undefined) throw new BadSite(`${site}: no site of Datadog's; there are ${sites.join(", ")}`);
  return `https://api.${known}`;
}

function otherUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol))
    throw new BadSite(`${text}: expected an address such as https://api.datadoghq.eu`);
  if ([url.username, url.password, url.search, url.hash].some((part) => part !== ""))
    throw new BadSite(`${url.host}: expected an address without a user, a query or a fragment`);
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    throw new BadSite(`${text}: the keys would go unencrypted; http is for this very machine only`);
  if (url.hostname.startsWith("app."))
    throw new BadSite(`${text}: this is the web application; its API is at ${url.protocol}//api.${url.host.slice(4)}`);
  return `${url.origin}${url.pathname.replace(/\/+$/u, "")}`;
}

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/u.test(host);
