import { quoted, usageError } from '../errors.js';

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/**
 * Reads a duration as Go's tools write it: `500ms`, `10s`, `1h30m`.
 *
 * @returns milliseconds, more than none
 * @throws EckError `usage`, naming the flag
 */
export function parseDuration(flag: string, text: string): number {
  let durationMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    durationMs += Number(amount) * unitsMs[unit as keyof typeof unitsMs];
  }
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text) || durationMs <= 0 || durationMs >= 2 ** 31) {
    throw usageError(`--${flag} ${quoted(text)} is not a duration such as 30s, 10m or 12h`);
  }
  return durationMs;
}

/** Writes a duration as {@link parseDuration} reads it. */
export function formatDuration(durationMs: number): string {
  return durationMs % 1000 === 0 ? `${durationMs / 1000}s` : `${durationMs}ms`;
}
