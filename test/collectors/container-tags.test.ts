import assert from "node:assert/strict";
import { containerTagKeys, containerTags, type TagOptions } from "../../collectors/container-tags.ts";
import type { Container } from "../../host/docker/inventory.ts";
import { containerOf } from "./container.ts";

const plain: TagOptions = { containerId: false, labels: {} };
const tagsOf = (change: Partial<Container>, options: Partial<TagOptions> = {}) =>
  containerTags(containerOf(change), { ...plain, ...options });

const sha = "5bef08742407efd622d243692b79ba0055383bbce12900324f75e56f589aedb0";

describe("collectors/container-tags", () => {
  it("takes an image reference apart as the agent's tagger does", () => {
    // Reference, then image_name, short_image, image_tag and docker_image.
    const forms = [
      ["alpine", "alpine", "alpine", "latest", "alpine:latest"],
      ["nginx:latest", "nginx", "nginx", "latest", "nginx:latest"],
      ["datadog/agent:7-jmx", "datadog/agent", "agent", "7-jmx", "datadog/agent:7-jmx"],
      [`redis@sha256:${sha}`, "redis", "redis", undefined, "redis"],
      [`org/redis:7@sha256:${sha}`, "org/redis", "redis", "7", "org/redis:7"],
      ["my.local:5000/team/web", "my.local:5000/team/web", "web", "latest", "my.local:5000/team/web:latest"],
      ["my.local:5000/team/web:1.2", "my.local:5000/team/web", "web", "1.2", "my.local:5000/team/web:1.2"],
      [`my.local:5000/web:1@sha256:${sha}`, "my.local:5000/web", "web", "1", "my.local:5000/web:1"],
      ["[::1]:5000/web:1", "[::1]:5000/web", "web", "1", "[::1]:5000/web:1"],
    ] as const;
    for (const [image, ...expected] of forms) {
      const tags = tagsOf({ image });
      const found = [tags["image_name"], tags["short_image"], tags["image_tag"], tags["docker_image"]];
      assert.deepEqual(found, expected, image);
    }
  });

  it("makes no image tags of a bare id", () => {
    for (const image of ["", `sha256:${sha}`, sha, sha.slice(0, 12), `@sha256:${sha}`]) {
      assert.deepEqual(tagsOf({ image }), { container_name: "web" }, image);
    }
  });

  it("takes a swarm task's id off the name, and only that", () => {
    const labels = {
      "com.docker.swarm.task.id": "33c7nd57kvgu5m6e2xg0i7kst",
      "com.docker.swarm.service.name": "shop_web",
    };
    assert.equal(tagsOf({ name: "shop_web.2.33c7nd57kvgu5m6e2xg0i7kst", labels })["container_name"], "shop_web.2");
    assert.equal(tagsOf({ name: "shop_web.2", labels })["container_name"], "shop_web.2");
    assert.equal(tagsOf({ name: "web.", labels: { "com.docker.swarm.task.id": "" } })["container_name"], "web.");
    assert.equal(
      tagsOf({ name: "web.2.33c7nd57kvgu5m6e2xg0i7kst" })["container_name"],
      "web.2.33c7nd57kvgu5m6e2xg0i7kst",
    );
  });

  it("tags services and projects of swarm and compose", () => {
    const labels = {
      "com.docker.swarm.service.name": "shop_web",
      "com.docker.stack.namespace": "shop",
      "com.docker.compose.project": "p",
      "com.docker.compose.service": "",
    };
    const { swarm_service, swarm_namespace, compose_project, compose_service } = tagsOf({ labels });
    assert.deepEqual(
      [swarm_service, swarm_namespace, compose_project, compose_service],
      ["shop_web", "shop", "p", undefined],
    );
  });

  it("lets a unified service label win over the variable, unless it says nothing", () => {
    const env = { DD_ENV: "test", DD_SERVICE: "front", DD_VERSION: "" };
    const labels = { "com.datadoghq.tags.env": "prod", "com.datadoghq.tags.service": "" };
    const tags = tagsOf({ env, labels });
    assert.deepEqual([tags["env"], tags["service"], tags["version"]], ["prod", "front", undefined]);
  });

  it("adds the id and the user's labels only if asked, and takes no label for one that is part of every object", () => {
    assert.equal(tagsOf({})["container_id"], undefined);
    assert.equal(tagsOf({}, { containerId: true })["container_id"], containerOf().id);
    const labels = { "com.example.team": "net" };
    assert.equal(tagsOf({ labels })["team"], undefined);
    const options = { labels: { "com.example.team": "team", missing: "missing", constructor: "maker" } };
    assert.deepEqual(tagsOf({ labels, image: "" }, options), { container_name: "web", team: "net" });
  });

  it("declares every key that it writes", () => {
    const labels = Object.fromEntries(
      ["swarm.service.name", "stack.namespace", "compose.project", "compose.service"].map((l) => [
        `com.docker.${l}`,
        "x",
      ]),
    );
    const env = { DD_ENV: "x", DD_SERVICE: "x", DD_VERSION: "x" };
    const keys = Object.keys(tagsOf({ labels, env, image: "a:1" }, { containerId: true }));
    assert.deepEqual(keys.toSorted(), containerTagKeys.toSorted());
  });
});
