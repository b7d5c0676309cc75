import { ok } from "./answer.ts";
import type { Route } from "./call.ts";

/** Who asks: whether the keys are good, and of which organisation. */
export const accountRoutes: readonly Route[] = [
  // Looks at the API key alone (3, point 11): the application key may still be wrong.
  { method: "GET", path: "/api/v1/validate", apiKeyOnly: true, handle: () => ok({ valid: true }) },
  {
    method: "GET",
    path: "/api/v2/current_user",
    handle: ({ org }) =>
      ok({
        data: {
          type: "users",
          id: org.uuid.replaceAll(/^[^-]*/gu, "00000000"),
          attributes: { name: "Stand-in", handle: "stand-in@example.com" },
          relationships: { org: { data: { type: "orgs", id: org.uuid } } },
        },
      }),
  },
];
