import type { Environment } from '../identity/identity.js';
import type { World } from '../world.js';

/** The world with another environment, such as the one that a context's `exec` entry makes. */
export function withEnvironment(world: World, environment: Environment): World {
  return {
    environment,
    platform: world.platform,
    homeDirectory: () => world.homeDirectory(),
    now: () => world.now(),
    isTerminal: (stream) => world.isTerminal(stream),
    warn: (message) => {
      world.warn(message);
    },
    debug: (message) => {
      world.debug(message);
    },
  };
}
