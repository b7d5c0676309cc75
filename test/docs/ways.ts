/** Runs to its end, with one of these codes. */
interface Ending {
  /** On a host of the shared lab; here; or here with the keys of a stand-in, and its address behind the command. */
  readonly on: 1 | 2 | "here" | "stand-in";
  readonly codes: readonly number[];
  readonly prints?: RegExp;
  /** Typed in its place, and why. */
  readonly as?: string;
  readonly why?: string;
  /** Typed before, and ended. */
  readonly before?: string;
  /** What runs meanwhile, on the same host, and what each says when it is ready. */
  readonly beside?: readonly Ready[];
}

type Ready = readonly [command: string, says: RegExp];

/** Runs until it has said or sent that, or where it does neither is at rest, and is told to end: 0. */
interface Lasting {
  readonly on: 1 | 2;
  readonly says: RegExp | "nothing" | "by DogStatsD";
  readonly feed?: "newline";
}

/** Not run: why. Its script is there, and its options are the command's. */
interface Shown {
  readonly shown: string;
}

/** How a documented command is tried. A folder of the test's is where it is typed. */
export type Way = Ending | Lasting | Shown;

const ends = (on: 1 | 2 | "here", ...codes: readonly number[]): Way => ({
  on,
  codes: codes.length === 0 ? [0] : codes,
});
const until = (says: RegExp | "nothing" | "by DogStatsD", on: 1 | 2 = 1): Way => ({ on, says });
const asked = (...codes: readonly number[]): Way => ({ on: "stand-in", codes });
const shown = (why: string): Way => ({ shown: why });
/** Without `--apply` in brackets: what it would change is not the lab's own. */
const dry = (as: string, why: string): Way => ({ on: 1, codes: [0], as, why });
const inFleet = (action: string): Way => ({
  on: "here",
  codes: [0],
  as: `overlaywatch fleet ${action} --dir DIR`,
  why: "the folder is the one that was made above",
});

// Whether something flows in the lab is not known: what the agent says of its last collector always does.
const lines = /^overlaywatch_agent,collector=tcp/mu;
const table = /^A1 +testnet +eth0/mu;
const metrics = until(lines);

const helperd = ["overlaywatch helperd", /helperd: listens at/u] as const;
const worker = ["overlaywatch worker", /mode \w+; this host is /u] as const;
const gateway = ["./scripts/overlaywatch webhook", /listen/u] as const;
const pauses = "it wants a broker; test/agent/webhook/fleet-pause runs it";
const units = "it installs the units, for a systemd that no host of the lab has; test/accept/units starts them";

const installs = "test/docs/install runs it, into a folder of its own";

const labs = "test/lab does what it does, on labs of its own";

const demo = "test/accept/demo runs it";

/** In the order of the documents: a later one may need what an earlier one made. */
export const ways: Readonly<Record<string, Way>> = {
  "./scripts/quickstart --for 30s": shown(
    "it sets this machine up; test/accept/quickstart runs it, on a fresh clone too",
  ),
  "./scripts/test": shown("it is what runs this test"),
  "./scripts/overlaywatch lab setup": shown("it fetches packages; labs of the tests begin with it"),
  "./scripts/overlaywatch demo": shown(demo),
  "./scripts/overlaywatch demo --fleet": shown(demo),
  "./scripts/overlaywatch demo --strategy arp": shown(demo),
  "./scripts/overlaywatch demo --fault missing-fdb": shown(demo),
  "./scripts/overlaywatch demo --fault wrong-vtep": shown(demo),
  "./scripts/overlaywatch demo --keep": shown(demo),

  "npm run check": shown("it is what runs this test"),
  "npm run accept": shown("it runs for hours: the long form of test/accept, on its own"),
  "./scripts/overlaywatch lab up": shown(labs),
  "./scripts/overlaywatch lab up --name s --engine 28.5": shown(labs),
  "./scripts/overlaywatch lab exec 1 -- docker ps": shown(labs),
  "./scripts/overlaywatch lab traffic start": shown(labs),
  "./scripts/overlaywatch lab traffic chatty": shown(labs),
  "./scripts/overlaywatch lab break": shown(labs),
  "./scripts/overlaywatch lab down": shown(labs),

  "./scripts/overlaywatch check": ends(1),
  "./scripts/overlaywatch check --estimate": ends(1),
  "./scripts/overlaywatch run": until("by DogStatsD"),
  "./scripts/overlaywatch run --sink console": until(table),
  "./scripts/overlaywatch status": ends(1, 1),
  "./scripts/overlaywatch run --sink influx": metrics,
  "./scripts/overlaywatch record": until("nothing"),
  "./scripts/overlaywatch follow": until("nothing"),
  "./scripts/overlaywatch doctor": ends(1, 0, 1),
  "./scripts/overlaywatch explain A1 B1": ends(1, 0, 1),
  "./scripts/overlaywatch check reachability": ends(1),
  "./scripts/overlaywatch cleanup": ends(1, 0, 11),
  "./scripts/overlaywatch run --heal observe": until("by DogStatsD"),
  "./scripts/overlaywatch configcheck": ends("here"),
  "./scripts/overlaywatch helperd": until(helperd[1]),
  "./scripts/overlaywatch worker": until(worker[1]),
  // No worker runs there.
  "./scripts/overlaywatch approve": ends(1, 69),
  "./scripts/overlaywatch webhook": until(gateway[1]),
  // 1 within the first minute of an engine: the worker waits for it, longer than the test does.
  "./scripts/overlaywatch webhook test": {
    on: 1,
    codes: [0, 1],
    prints: /^answered: 202 [^]*?(?:The way from the gateway|the worker: waiting: waits: settled-engine)/mu,
    beside: [helperd, worker, gateway],
  },
  "./scripts/overlaywatch sink --udp 8125 --json": until(/^listening on udp 127\.0\.0\.1:8125$/mu),

  // Refused where nobody can type the address; test/accept/stale-endpoints frees those of a true dead node.
  "./scripts/disconnect-stale-endpoints": ends(1),
  "./scripts/disconnect-stale-endpoints --node 192.0.2.7 --apply": ends(1, 20),
  "./scripts/disconnect-stale-endpoints --node 192.0.2.7 --apply --yes": ends(1, 0),
  // Refused while containers run; test/accept/docker-state removes all of an engine's.
  "./scripts/docker-state-cleanup --apply": ends(1, 20),
  "systemctl stop docker docker.socket": shown("systemd's own; a host of the lab has no systemd"),
  "./scripts/docker-state-cleanup --apply --data-root /var/lib/docker": ends(1, 20),

  "export DD_API_KEY=... DD_APP_KEY=... DD_SITE=datadoghq.eu": shown("the shell's own, with keys left out"),
  "./scripts/overlaywatch monitors validate": asked(0),
  "./scripts/overlaywatch monitors plan --out plan.json": asked(2),
  "./scripts/overlaywatch monitors apply plan.json": asked(0),
  "./scripts/overlaywatch monitors drift": asked(0),
  "./scripts/overlaywatch monitors destroy": asked(0),
  "overlaywatch monitors plan": asked(2),
  "overlaywatch monitors apply": asked(0),
  "overlaywatch monitors drift": asked(0),
  "./scripts/setup --dry-run": ends("here"),
  "./scripts/setup": shown("it sets this machine up; test/accept/setup runs it"),
  // Another folder of state: what was applied above is not its.
  "./scripts/overlaywatch monitors drift --config overlaywatch.yaml --state-dir state": asked(0, 2),
  "overlaywatch monitors validate": asked(0),

  "nsenter --net=/var/run/docker/netns/1-8fcc19e5f0 bridge fdb show dev vxlan0 | grep '02:42:0a:00:00:04.*self'": shown(
    "an output of explain's, with one namespace's name",
  ),
  "overlaywatch doctor --save dockerhost2.json": ends(2, 0, 1),
  "overlaywatch explain A1 A2 --with dockerhost2.json": {
    on: 1,
    codes: [0, 1, 2],
    // For the next one.
    before: "overlaywatch doctor --save dockerhost1.json",
  },
  // What `laptop$` has been given: both hosts' bundles.
  "overlaywatch explain A1 A2 --from dockerhost1.json --with dockerhost2.json": ends("here", 0, 1, 2),
  "overlaywatch doctor --cluster": shown("it wants a fleet; test/accept/cluster runs it"),
  "overlaywatch explain A B --fleet": shown("it wants a fleet; test/accept/cluster runs it"),
  "overlaywatch doctor --cluster --with dockerhost1.json --with dockerhost2.json": ends("here", 0, 1, 2),
  "overlaywatch cleanup --class neighbour-table-full [--apply]": dry(
    "overlaywatch cleanup --class neighbour-table-full",
    "the limits are the whole machine's",
  ),
  "overlaywatch cleanup --class orphan-vxlan-link [--apply]": dry(
    "overlaywatch cleanup --class orphan-vxlan-link",
    "test/accept/host-wide does it",
  ),
  "./scripts/overlaywatch run --heal auto": until("by DogStatsD"),
  "./scripts/arp-cleanup": ends(1, 0, 10),
  "journalctl SYSLOG_IDENTIFIER=overlaywatch OVERLAYWATCH_KIND=finding OVERLAYWATCH_KIND=remedy": ends(1, 0, 1),

  "overlaywatch follow --sink dogstatsd": until("nothing"),
  "journalctl -f SYSLOG_IDENTIFIER=overlaywatch OVERLAYWATCH_KIND=summary": until("nothing"),

  "./scripts/overlaywatch standin": until(/^listening on http:/mu, 2),
  "./scripts/overlaywatch standin --port 8126 --dogstatsd udp://127.0.0.1:8125 --hostname dockerhost1": until(
    /^receiving metrics on udp:\/\/127\.0\.0\.1:8125$/mu,
    2,
  ),

  "mkdir -p /usr/lib/overlaywatch": shown(installs),
  "cp -a --no-preserve=ownership dist scripts node_modules package.json metadata.csv assets /usr/lib/overlaywatch/":
    shown(installs),
  "ln -sfn /usr/lib/overlaywatch/scripts/overlaywatch /usr/local/bin/overlaywatch": shown(installs),
  "overlaywatch --version": ends("here"),
  "rm /usr/local/bin/overlaywatch": shown(installs),
  "rm -r /usr/lib/overlaywatch": shown(installs),
  "overlaywatch run": shown("as ./scripts/overlaywatch run, which runs"),
  "overlaywatch run --heal observe": shown("as ./scripts/overlaywatch run --heal observe, which runs"),
  "systemctl disable --now overlaywatch-run overlaywatch-webhook overlaywatch-worker overlaywatch-helper.socket":
    shown(units),
  "rm /etc/systemd/system/overlaywatch-*": shown(units),
  "rm /etc/sysusers.d/overlaywatch.conf /etc/tmpfiles.d/overlaywatch.conf": shown(units),
  "overlaywatch status": ends(1, 1),
  "overlaywatch doctor": ends(1, 0, 1),
  "overlaywatch configcheck": ends("here"),

  "install -m 644 -t /etc/systemd/system assets/systemd/*.service assets/systemd/*.socket": shown(units),
  "install -D -m 644 -t /etc/sysusers.d assets/systemd/sysusers.d/overlaywatch.conf": shown(units),
  "install -D -m 644 -t /etc/tmpfiles.d assets/systemd/tmpfiles.d/overlaywatch.conf": shown(units),
  "systemd-sysusers": shown(units),
  "systemd-tmpfiles --create overlaywatch.conf": shown(units),
  "(umask 077; openssl rand -hex 32 > /etc/overlaywatch/webhook/token)": shown("it writes into this machine's /etc"),
  "(umask 077 && openssl rand -hex 32 > /etc/overlaywatch/webhook.token)": shown("it writes into this machine's /etc"),
  "overlaywatch helperd --environment > /etc/overlaywatch/helper.env": {
    on: "here",
    codes: [0],
    as: "overlaywatch helperd --environment",
    why: "this machine's /etc is not the test's",
  },
  "systemctl daemon-reload": shown(units),
  "systemctl enable --now overlaywatch-helper.socket overlaywatch-worker overlaywatch-webhook overlaywatch-run":
    shown(units),
  "overlaywatch webhook test": shown("as ./scripts/overlaywatch webhook test, which runs"),
  "journalctl -n 20 -t overlaywatch-helper": ends(1, 0, 1),
  "overlaywatch helperd &": { on: 1, says: helperd[1] },
  "overlaywatch worker": { on: 1, says: worker[1] },
  "overlaywatch run record --heal worker": until("nothing"),
  "journalctl SYSLOG_IDENTIFIER=overlaywatch OVERLAYWATCH_TRACE=...": ends(1, 0, 1),

  "overlaywatch fleet init --dir DIR": ends("here"),
  "overlaywatch fleet enroll web-1.example.com --dir DIR": ends("here"),
  "overlaywatch fleet list --dir DIR": ends("here"),
  "nats-server -t -c /etc/nats/nats.conf": shown("test/dispatch/nats/shipped has it check each shipped configuration"),
  "nats-server -c /etc/nats/nats.conf": shown("test/dispatch/nats/shipped runs it with each shipped configuration"),
  "overlaywatch fleet provision --dir DIR": shown("it wants a broker; test/dispatch/nats runs it"),
  "overlaywatch fleet enroll HOST": inFleet("enroll web-2.example.com"),
  "overlaywatch fleet rotate HOST": inFleet("rotate web-1.example.com"),
  "overlaywatch fleet rotate HOST --finish": inFleet("rotate web-1.example.com --finish"),
  "overlaywatch fleet revoke HOST": inFleet("revoke web-1.example.com"),
  "overlaywatch pause --fleet --for 2h --reason 'core switch replaced'": shown(pauses),
  "overlaywatch fleet status": shown("it wants a broker; test/agent/fleet-status runs it"),
  "overlaywatch fleet status --within 10s": shown("it wants a broker; test/agent/fleet-status runs it"),
  "overlaywatch pause --fleet": shown(pauses),
  "overlaywatch pause --fleet --off": shown(pauses),

  "/usr/lib/overlaywatch/scripts/overlaywatch run --sink influx --on-stdin": { on: 1, says: lines, feed: "newline" },
  "/usr/lib/overlaywatch/scripts/overlaywatch run --sink influx": metrics,
  "./scripts/overlaywatch run --sink influx --on-stdin": { on: 1, says: lines, feed: "newline" },
};
