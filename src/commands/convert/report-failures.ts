import { EckError } from '../../errors.js';
import type { World } from '../../world.js';
import type { ConvertReport } from './convert.js';
import { subjectOf } from './summary.js';

/**
 * Tells what stays as it is, and why.
 *
 * @throws EckError of the only failure where nothing else was done; `conversion-incomplete` where there is more to say
 */
export function reportFailures({ conversions, failures }: ConvertReport, world: World): void {
  const messages = failures.map(({ user, cluster, error }) => ({
    error,
    text: `${subjectOf(user, cluster)} stays as it was: ${error.message}`,
  }));
  const [first, ...more] = messages;
  if (first === undefined) return;
  if (more.length === 0 && conversions.length === 0) throw new EckError(first.error.code, first.text);
  for (const { error, text } of messages) world.warn(`${text} [${error.code}]`);
  throw new EckError(
    'conversion-incomplete',
    `${failures.length} of ${failures.length + conversions.length} client keys stay where they are; ` +
      'mend what is said above and run it again, or name the contexts to convert',
  );
}
