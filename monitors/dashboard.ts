import { type Desired, type JsonObject, ownerLine } from "./desired.ts";
import type { MetricName } from "./metric-name.ts";
import type { MonitorSettings } from "./settings.ts";

const key = "overview";

/** A graph: its title, how it is drawn, and a series a row. */
interface Graph {
  readonly title: string;
  readonly as: "line" | "bars";
  readonly series: readonly Series[];
}

interface Series {
  /** A count is summed over each bar; a gauge is not. */
  readonly of: "sum" | "max" | "avg";
  readonly metric: MetricName;
  readonly filter?: string;
  readonly by: readonly string[];
  readonly count?: true;
}

/** From what pages to what explains it: left to right, top to bottom. */
const groups: readonly (readonly [string, readonly Graph[]])[] = [
  [
    "Is something lost now?",
    [
      {
        title: "Containers on the wrong port (fdb.misplaced)",
        as: "bars",
        series: [{ of: "sum", metric: "fdb.misplaced", by: ["host", "docker_network"] }],
      },
      {
        title: "Active findings, by class",
        as: "bars",
        series: [
          { of: "sum", metric: "overlay.findings", filter: "state:active", by: ["host", "docker_network", "class"] },
        ],
      },
      {
        title: "Pings lost, worst container of each network",
        as: "line",
        series: [{ of: "max", metric: "probe.loss", by: ["host", "docker_network"] }],
      },
      {
        title: "Cleanups, by outcome",
        as: "bars",
        series: [{ of: "sum", metric: "remedy.runs", by: ["host", "strategy", "outcome"], count: true }],
      },
    ],
  ],
  [
    "Inside the overlay networks",
    [
      {
        title: "Netlink events, by network",
        as: "bars",
        series: [{ of: "sum", metric: "netlink.events", by: ["host", "docker_network"], count: true }],
      },
      {
        title: "Moves and flaps of MAC addresses",
        as: "bars",
        series: [
          { of: "sum", metric: "fdb.moves", by: ["docker_network"], count: true },
          { of: "sum", metric: "fdb.flaps", by: ["docker_network"], count: true },
        ],
      },
      {
        title: "The vxlan devices: received equal to sent is a loop",
        as: "line",
        series: [
          { of: "sum", metric: "overlay.device.packets_rcvd", by: ["docker_network", "device"], count: true },
          { of: "sum", metric: "overlay.device.packets_sent", by: ["docker_network", "device"], count: true },
        ],
      },
      {
        title: "Pins in force",
        as: "line",
        series: [{ of: "sum", metric: "overlay.pins", by: ["host", "docker_network"] }],
      },
    ],
  ],
  [
    "Containers",
    [
      {
        title: "Drops at interfaces",
        as: "bars",
        series: [
          { of: "sum", metric: "net.drops_rcvd", by: ["host", "container_name"], count: true },
          { of: "sum", metric: "net.drops_sent", by: ["host", "container_name"], count: true },
        ],
      },
      {
        title: "Connections thrown away by full accept queues",
        as: "bars",
        series: [{ of: "sum", metric: "tcp.listen_overflows", by: ["host", "container_name"], count: true }],
      },
      {
        title: "TCP sockets, by state",
        as: "line",
        series: [{ of: "sum", metric: "tcp.connections", by: ["state"] }],
      },
      {
        title: "Segments sent again",
        as: "bars",
        series: [{ of: "sum", metric: "tcp.retrans_segs", by: ["host", "container_name"], count: true }],
      },
    ],
  ],
  [
    "Can it be believed?",
    [
      {
        title: "Age of the recorder's heartbeat (s)",
        as: "line",
        series: [{ of: "max", metric: "pipeline.heartbeat.age", by: ["host"] }],
      },
      {
        title: "Events lost, by cause",
        as: "bars",
        series: [{ of: "sum", metric: "netlink.lost", by: ["host", "cause", "socket"], count: true }],
      },
      {
        title: "Neighbour rows of the host, and the limit",
        as: "line",
        series: [
          { of: "max", metric: "overlay.neighbour_entries", by: ["host"] },
          { of: "max", metric: "overlay.neighbour_limit", by: ["host"] },
        ],
      },
      {
        title: "Tracked connections of the host, and the limit",
        as: "line",
        series: [
          { of: "max", metric: "overlay.conntrack_entries", by: ["host"] },
          { of: "max", metric: "overlay.conntrack_limit", by: ["host"] },
        ],
      },
    ],
  ],
];

/** One overview: what pages first, and below it what explains it. */
export function dashboardOf(settings: MonitorSettings): Desired {
  return {
    kind: "dashboard",
    key,
    origin: "monitors/dashboard.ts",
    body: {
      title: "overlaywatch: overlay networks",
      description: `Docker overlay networks of all hosts: what is lost now, and why.\n${ownerLine(key)}`,
      layout_type: "ordered",
      reflow_type: "auto",
      template_variables: ["host", "docker_network"].map((name) => ({
        name,
        prefix: name,
        available_values: [],
        defaults: ["*"],
      })),
      widgets: groups.map(([title, graphs]) => ({
        definition: {
          type: "group",
          layout_type: "ordered",
          title,
          widgets: graphs.map((graph) => widgetOf(graph, settings)),
        },
      })),
    },
  };
}

function widgetOf({ title, as, series }: Graph, settings: MonitorSettings): JsonObject {
  const queries = series.map((one, i) => ({
    data_source: "metrics",
    name: `query${i + 1}`,
    query: queryOf(one, settings),
  }));
  return {
    definition: {
      type: "timeseries",
      title,
      show_legend: true,
      requests: [
        {
          display_type: as,
          response_format: "timeseries",
          queries,
          formulas: queries.map(({ name }) => ({ formula: name })),
        },
      ],
    },
  };
}

/** The host's own metrics have no network: the dashboard's choice of one must not empty their graph. */
function queryOf({ of, metric, filter, by, count }: Series, { prefix, scope }: MonitorSettings): string {
  const network = by.includes("docker_network") ? ["$docker_network"] : [];
  const terms = [...scope, "$host", ...network, ...(filter === undefined ? [] : [filter])];
  return `${of}:${prefix}${metric}{${terms.join(" AND ")}} by {${by.join(",")}}${count === true ? ".as_count()" : ""}`;
}
