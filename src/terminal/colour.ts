import type { StandardStream, World } from '../world.js';

/** Whether colours may be written to a stream: it is a terminal, and nobody minds (https://no-color.org). */
export function mayColour(stream: StandardStream, world: Pick<World, 'environment' | 'isTerminal'>): boolean {
  return world.isTerminal(stream) && !world.environment['NO_COLOR'] && world.environment['TERM'] !== 'dumb';
}
