/** One key as one source gives it. */
export interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
  /** `--docker-socket`, `OVERLAYWATCH_DOCKER_SOCKET`, `/etc/overlaywatch/overlaywatch.yaml:12`. */
  readonly origin: string;
}

export type Tree = { [key: string]: unknown };

/** Later settings win over earlier ones. */
export function settingsTree(settings: readonly Setting[]): Tree {
  const root: Tree = {};
  for (const { path, value } of settings) put(root, path, value);
  return root;
}

function put(tree: Tree, [head, ...rest]: readonly string[], value: unknown): void {
  if (head === undefined) return;
  if (rest.length === 0) tree[head] = value;
  else {
    const below = tree[head];
    const branch = isTree(below) ? below : {};
    tree[head] = branch;
    put(branch, rest, value);
  }
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
