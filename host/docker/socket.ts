/**
 * The socket's path from what people write in DOCKER_HOST or `--docker-socket`: `unix:///run/docker.sock` or a bare
 * absolute path. Throws an Error that says what is wrong: other transports are refused, since what is watched here
 * are the namespaces of this very machine.
 */
export function socketPathOf(text: string): string {
  const path = text.startsWith("unix://") ? text.slice("unix://".length) : text;
  const wrong = wrongWith(path);
  if (wrong !== undefined) {
    throw new Error(
      `Docker socket ${JSON.stringify(text)}: ${wrong}. Write unix:///var/run/docker.sock or the bare path.`,
    );
  }
  return path;
}

function wrongWith(path: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(path)?.[1];
  if (scheme !== undefined)
    return `${scheme}:// is not supported, only the unix socket of this machine's own engine is`;
  if (!path.startsWith("/")) return "not an absolute path";
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) return "a path does not hold control characters";
  // unix(7): sun_path has 108 bytes with the closing NUL.
  if (Buffer.byteLength(path) > 107) return "longer than the 107 bytes that a unix socket's path may have";
  return undefined;
}
