import type { EckError } from '../errors.js';
import type { World } from '../world.js';

const noticeAfterMs = 2000;

/** Tells a person at a terminal, once and after a while, why a command takes so long. */
export function noticeWaiting(
  world: Pick<World, 'warn' | 'isTerminal'>,
  clusterId: string,
): { because(error: EckError): void; stop(): void } {
  let reason = 'ENS has not answered yet';
  const timer = setTimeout(() => {
    if (world.isTerminal('stderr')) world.warn(`Waiting for a credential for ${clusterId}: ${reason}`);
  }, noticeAfterMs);
  timer.unref();
  return {
    because(error) {
      reason = `${error.message}; trying again`;
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
