import type { Command } from 'commander';
import { messageOf } from '../../errors.js';
import { settlesWithin } from '../../store/time-limit.js';
import type { World } from '../../world.js';
import { complete } from './complete.js';
import { nothing, type Completion } from './candidate.js';
import { formatCompletion } from './protocol.js';
import { sourcesFor } from './sources.js';

/** Whatever happens, the person has the prompt back after this long. */
const limitMs = 2000;

/**
 * Answers a shell that asks what the word under the cursor can become, on standard output, and ends the process. It
 * never fails and never warns: what cannot be found out is not offered.
 *
 * @param words what follows the program's name; the last one is the word under the cursor
 */
export async function answerCompletion(
  root: Command,
  words: readonly string[],
  world: World,
): Promise<never> {
  const silent: World = {
    ...world,
    warn: (message) => {
      world.debug(message);
    },
  };
  const completion = await find(root, words, silent).catch((error: unknown) => {
    world.debug(`nothing can be completed: ${messageOf(error)}`);
    return nothing;
  });
  await new Promise<void>((resolve) => {
    process.stdout.write(formatCompletion(completion), () => {
      resolve();
    });
  });
  // A call that was given up may still be under way.
  process.exit(0);
}

async function find(root: Command, words: readonly string[], world: World): Promise<Completion> {
  const finding = complete(root, words, (line) => sourcesFor(line, world));
  return (await settlesWithin(finding, limitMs)) ? finding : nothing;
}
