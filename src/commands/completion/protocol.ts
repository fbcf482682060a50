import { printable } from '../../errors.js';
import type { Completion } from './candidate.js';

/** The last line of an answer, as cobra defines it: what the shell is to do besides. */
const directives = { completeFiles: 0, completeNoFiles: 4 } as const;

/**
 * What shells and their scripts take a value for and nothing else: letters of any script, digits, and signs that mean
 * nothing to a shell. The scripts of older kubectls let bash expand what they are given, so that `$(…)` in a
 * cluster's name would be run; and some insert a space without quoting it, so that what follows could be a flag.
 */
const harmless = /^(?!.* -)[\p{L}\p{M}\p{N} _.,:@%+=/-]+$/u;

/**
 * Writes an answer in cobra's protocol, which kubectl and the scripts of `completion` read: a candidate a line, with its
 * description after a tab, then a line with a directive. Values that a shell could misunderstand are left out.
 */
export function formatCompletion({ candidates, isFile }: Completion): string {
  const lines = candidates
    .filter(({ value }) => harmless.test(value))
    .map(({ value, description }) => {
      const words = printable(description, 100);
      return words === '' ? value : `${value}\t${words}`;
    });
  const directive = isFile ? directives.completeFiles : directives.completeNoFiles;
  return `${[...lines, `:${directive}`].join('\n')}\n`;
}
