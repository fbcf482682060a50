import type { World } from '../world.js';

/** Tells a person how far something has got. */
export interface Progress {
  /** One more is done. */
  advance(): void;
  /** Takes the bar off the screen for good. Nothing may be printed before. */
  stop(): void;
}

const silent: Progress = { advance: () => undefined, stop: () => undefined };
const barWidth = 30;
const redrawAfterMs = 100;

/**
 * Shows a bar on standard error while something goes on, and leaves nothing of it behind. Where that is no terminal, or
 * with `NO_COLOR`, nothing is shown.
 *
 * A bar of our own, of one line: those of prompt libraries take the keyboard to themselves, and end the process at
 * Ctrl-C before anything fetched could be written.
 */
export function showProgress(
  what: string,
  total: number,
  world: Pick<World, 'environment' | 'isTerminal'>,
): Progress {
  if (!world.isTerminal('stderr') || world.environment['NO_COLOR']) return silent;
  let done = 0;
  let drawnAtMs = 0;
  let isOver = false;
  const draw = (): void => {
    drawnAtMs = performance.now();
    // One line must stay one: what does not fit would be wrapped, and could not be taken back.
    const line = progressLine(what, done, total).slice(0, process.stderr.columns - 1);
    process.stderr.write(`\r${line}\x1b[K`);
  };
  draw();
  return {
    advance(): void {
      done += 1;
      if (isOver) return;
      if (done === total || performance.now() - drawnAtMs >= redrawAfterMs) draw();
    },
    stop(): void {
      isOver = true;
      process.stderr.write('\r\x1b[K');
    },
  };
}

/** Such as `Fetching credentials [######------] 12/24`. */
export function progressLine(what: string, done: number, total: number): string {
  const filled = total === 0 ? barWidth : Math.floor((barWidth * done) / total);
  return `${what} [${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}] ${done}/${total}`;
}
