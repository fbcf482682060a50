import type { World } from '../world.js';
import { mayColour } from './format.js';

export interface Progress {
  /** One more item is done. */
  advance(): void;
  /** Removes the bar. Nothing may be printed before. */
  stop(): void;
}

const widestBar = 30;

/**
 * Shows a progress bar on standard error, if that is a terminal that takes one, and leaves nothing behind.
 * The bars of prompt libraries read the keyboard and end the process at Ctrl-C, so this is one of our own.
 */
export function showProgress(
  label: string,
  total: number,
  world: Pick<World, 'environment' | 'isTerminal'>,
): Progress | undefined {
  if (!mayColour('stderr', world)) return undefined;
  let done = 0;
  let isOver = false;
  const draw = (): void => {
    process.stderr.write(`\r${progressLine(label, done, total, process.stderr.columns)}\x1b[K`);
  };
  draw();
  return {
    advance(): void {
      done += 1;
      if (!isOver) draw();
    },
    stop(): void {
      isOver = true;
      process.stderr.write('\r\x1b[K');
    },
  };
}

/**
 * Such as `Fetching credentials [######------] 12/24`: the bar is as short as it has to be for one line, since a wrapped
 * line could not be removed.
 */
export function progressLine(label: string, done: number, total: number, columns: number): string {
  const count = `${done}/${total}`;
  const width = Math.min(widestBar, columns - `${label} [] ${count} `.length);
  if (width < 1) return count.slice(0, columns - 1);
  const filled = total === 0 ? width : Math.floor((width * done) / total);
  return `${label} [${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${count}`;
}
