import type { StandardStream, World } from '../world.js';

/** Whether colours may be written to a stream: it is a terminal, and nobody minds (https://no-color.org). */
export function mayColour(stream: StandardStream, world: Pick<World, 'environment' | 'isTerminal'>): boolean {
  return world.isTerminal(stream) && !world.environment['NO_COLOR'] && world.environment['TERM'] !== 'dumb';
}

/** A value as a document for standard output, for programs to read. Its last line ends with a line feed. */
export async function formatDocument(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import('yaml');
  // No line is folded, so that a line-wise tool finds what it looks for.
  return stringify(value, { lineWidth: 0 });
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

/**
 * A duration as kubectl shows an age: coarser the longer it is, such as `90s`, `5m30s`, `10h`, `3d4h`, `2y364d`. The
 * rules are those of `HumanDuration` in k8s.io/apimachinery.
 *
 * @param durationMs milliseconds; less than none counts as none
 */
export function humanDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.trunc(durationMs / secondMs));
  if (seconds < 2 * 60) return `${seconds}s`;
  const minutes = Math.trunc(durationMs / minuteMs);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 3 * 60) return `${minutes}m`;
  const hours = Math.trunc(durationMs / hourMs);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (days < 8) return withRest(days, 'd', hours % 24, 'h');
  if (days < 2 * 365) return `${days}d`;
  const years = Math.trunc(days / 365);
  return years < 8 ? withRest(years, 'y', days % 365, 'd') : `${years}y`;
}

/** A time as it is seen from `now`, such as `2h ago` or `in 10h`. */
export function humanTime(time: Date, now: Date): string {
  const aheadMs = time.getTime() - now.getTime();
  return aheadMs > 0 ? `in ${humanDuration(aheadMs)}` : `${humanDuration(-aheadMs)} ago`;
}

function withRest(amount: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${amount}${unit}` : `${amount}${unit}${rest}${restUnit}`;
}

/** A text as one word of a command that a person can copy into a shell: quoted where it has to be. */
export function shellWord(text: string): string {
  return /^[\w.:/@=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
