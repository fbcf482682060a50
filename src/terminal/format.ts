/** A value as JSON or YAML for standard output, ending with a line feed. */
export async function formatDocument(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import('yaml');
  // Lines are not folded, for tools that search line by line.
  return stringify(value, { lineWidth: 0 });
}

/** Quotes a text as one word of a shell command, if it needs quoting. */
export function shellWord(text: string): string {
  return /^[\w.:/@=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A time relative to `now`, such as `2h ago` or `in 10h`. */
export function humanTime(time: Date, now: Date): string {
  const aheadMs = time.getTime() - now.getTime();
  return aheadMs > 0 ? `in ${humanDuration(aheadMs)}` : `${humanDuration(-aheadMs)} ago`;
}

/** A duration as kubectl shows an age, such as `5m30s` or `3d4h`: `HumanDuration` in k8s.io/apimachinery. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.trunc(durationMs / 1000));
  if (seconds < 2 * 60) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 3 * 60) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (days < 8) return withRest(days, 'd', hours % 24, 'h');
  if (days < 2 * 365) return `${days}d`;
  const years = Math.trunc(days / 365);
  return years < 8 ? withRest(years, 'y', days % 365, 'd') : `${years}y`;
}

function withRest(amount: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${amount}${unit}` : `${amount}${unit}${rest}${restUnit}`;
}
