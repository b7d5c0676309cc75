import type { DockerWatch } from "../../host/docker/watch.ts";
import type { Procfs } from "../../host/host.ts";
import type { OverlayNamespace } from "../../overlay/discover.ts";
import type { Fold, Scope } from "./fold.ts";
import { type LocalMacs, localMacs, sameMacs } from "./local.ts";
import { type NamespaceOptions, type NamespaceRecorder, type NamespaceStats, recordNamespace } from "./namespace.ts";
import type { Outbox } from "./outbox.ts";

interface Recording {
  readonly recorder: NamespaceRecorder;
  scope: Scope;
  local: LocalMacs;
}

interface Options extends Pick<NamespaceOptions, "clock" | "rcvbuf" | "log"> {
  readonly docker: Pick<DockerWatch, "inventory">;
  readonly proc: Pick<Procfs, "open">;
  readonly windowMs: number;
  readonly onMisplaced?: () => void;
}

const noMacs: LocalMacs = new Map();

/** The namespaces that are recorded now, each by a recorder of its own. */
export class Recordings {
  readonly #options: Options;
  readonly #fold: Fold;
  readonly #out: Outbox;
  readonly #current = new Map<string, Recording>();
  /** Let go of, and not ended yet. */
  readonly #ending = new Set<Promise<void>>();
  #local: ReadonlyMap<string, LocalMacs> = new Map();

  constructor(options: Options, fold: Fold, out: Outbox) {
    this.#options = options;
    this.#fold = fold;
    this.#out = out;
  }

  get size(): number {
    return this.#current.size;
  }

  recorders(): readonly NamespaceRecorder[] {
    return [...this.#current.values()].map(({ recorder }) => recorder);
  }

  stats(): readonly (NamespaceStats & Scope)[] {
    return [...this.#current.values()].map(({ recorder, scope }) => ({ ...recorder.stats(), ...scope }));
  }

  /** Begins with those that are new, lets go of those that are no more; takes the name that a network has got. */
  sync(all: readonly OverlayNamespace[]): void {
    const wanted = new Map(all.filter(isRecorded).map((one) => [`${one.file} ${one.inode}`, one]));
    for (const [key, { recorder }] of this.#current) {
      if (wanted.has(key)) continue;
      this.#current.delete(key);
      this.#letGo(recorder);
    }
    for (const [key, namespace] of wanted) {
      const recording = this.#current.get(key);
      if (recording === undefined) this.#current.set(key, this.#pickUp(namespace));
      else this.#rename(recording, scopeOf(namespace));
    }
  }

  /** Looks again which containers of this host are on which network. */
  refreshLocal(): void {
    this.#local = localMacs(this.#options.docker.inventory(), this.#options.proc);
    for (const recording of this.#current.values()) this.#takeLocal(recording);
  }

  /** Resolves when every recorder has ended. */
  async close(): Promise<void> {
    for (const recorder of this.recorders()) this.#letGo(recorder);
    this.#current.clear();
    await Promise.all(this.#ending);
  }

  #takeLocal(recording: Recording): void {
    const next = this.#local.get(recording.scope.networkId) ?? noMacs;
    if (sameMacs(recording.local, next)) return;
    recording.local = next;
    recording.recorder.localChanged();
  }

  #pickUp(namespace: OverlayNamespace): Recording {
    const { clock, rcvbuf, windowMs, log, onMisplaced } = this.#options;
    const scope = scopeOf(namespace);
    const state = { scope, local: this.#local.get(scope.networkId) ?? noMacs };
    const recorder = recordNamespace({
      netns: namespace,
      scope: () => state.scope,
      local: () => state.local,
      fold: this.#fold,
      say: (draft) => {
        this.#out.say(draft);
        if (draft.kind === "misplaced" && draft.state === "on") onMisplaced?.();
      },
      clock,
      rcvbuf,
      window: windowMs * 1000,
      log,
    });
    return Object.assign(state, { recorder });
  }

  #rename(recording: Recording, scope: Scope): void {
    if (scope.networkId === recording.scope.networkId && scope.network === recording.scope.network) return;
    recording.scope = scope;
    this.#takeLocal(recording);
  }

  #letGo(recorder: NamespaceRecorder): void {
    const end = recorder.close();
    this.#ending.add(end);
    void end.finally(() => this.#ending.delete(end));
  }
}

/** Also those of networks that Docker does not tell of (yet): it may be down, or slower than the kernel. */
function isRecorded({ kind, epoch }: OverlayNamespace): boolean {
  return kind === "overlay" || (kind === "orphan" && epoch !== undefined);
}

function scopeOf({ file, network }: OverlayNamespace): Scope {
  const prefix = file.slice(file.indexOf("-") + 1);
  return { netns: file, network: network?.name ?? prefix, networkId: network?.id ?? prefix };
}
