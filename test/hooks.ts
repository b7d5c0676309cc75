/** Root hooks: nothing is shared between files but what is asked for by name. */
export const mochaHooks = {};
