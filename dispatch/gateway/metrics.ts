import { defineMetrics } from "../../emit/metric.ts";

/** What the gateway tells about itself. */
export const gatewayMetrics = defineMetrics({
  "webhook.requests": {
    type: "count",
    unit: "request",
    tags: ["code", "reason"],
    help: "Requests to the gateway by status code and what became of them; code 0: closed without an answer.",
    orientation: 0,
  },
});
