// Preloaded by a test: says at the end which npm packages the program loaded, on a pipe of its own.
const { writeSync } = require("node:fs");

process.on("exit", () => {
  const packages = Object.keys(require.cache).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(path)?.[1]);
  writeSync(3, [...new Set(packages)].join("\n"));
});
