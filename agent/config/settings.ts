/** One key as one source gives it. */
export interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
  /** `--docker-socket`, `OVERLAYWATCH_DOCKER_SOCKET`, `/etc/overlaywatch/overlaywatch.yaml:12`. */
  readonly origin: string;
}

export type Tree = { [key: string]: unknown };

/** Later settings win over earlier ones. What stands where a section belongs stays there, to be refused. */
export function settingsTree(settings: readonly Setting[]): Tree {
  const root: Tree = {};
  for (const { path, value } of settings) put(root, path, value);
  return root;
}

function put(tree: Tree, [head, ...rest]: readonly string[], value: unknown): void {
  if (head === undefined) return;
  if (rest.length === 0) return set(tree, head, value);
  const below = Object.hasOwn(tree, head) ? tree[head] : undefined;
  if (below !== undefined && !isTree(below)) return;
  const branch = below ?? {};
  set(tree, head, branch);
  put(branch, rest, value);
}

/** Not by assignment: a key may be called `__proto__`. */
function set(tree: Tree, key: string, value: unknown): void {
  Object.defineProperty(tree, key, { value, writable: true, enumerable: true, configurable: true });
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
