import { afterEach } from '@jest/globals';

interface Stoppable {
  stop(): unknown;
}
const started: Stoppable[] = [];

// A file that imports this before it makes its sandbox stops everything else first.
afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one.stop();
});

/** Stops something after the current test, the last one first. @returns it */
export function stopAfterTest<T extends Stoppable>(one: T): T {
  started.push(one);
  return one;
}
