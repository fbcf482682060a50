import { setOutputHook } from '../errors.js';
import { mayColour, type World } from '../world.js';

type Screen = Pick<World, 'environment' | 'isTerminal'>;

const widestBar = 30;
const eraseLine = '\r\x1b[K';

/**
 * Shows a progress bar on standard error, if that is a terminal that takes one, and leaves nothing behind.
 * The bars of prompt libraries read the keyboard and end the process at Ctrl-C, so this is one of our own.
 */
export function showProgress(label: string, total: number, world: Screen) {
  stopSpinner();
  if (!mayColour('stderr', world)) return undefined;
  let done = 0;
  let isOver = false;
  const draw = (): void => {
    process.stderr.write(`\r${progressLine(label, done, total, process.stderr.columns)}\x1b[K`);
  };
  draw();
  return {
    /** One more item is done. */
    advance(): void {
      done += 1;
      if (!isOver) draw();
    },
    /** Removes the bar. Nothing may be printed before. */
    stop(): void {
      isOver = true;
      process.stderr.write(eraseLine);
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

const spinnerAfterMs = 500;
const spinnerFrames = ['|', '/', '-', '\\'];
let timer: NodeJS.Timeout | undefined;

/**
 * Shows a spinner on standard error while a command takes more than half a second, if that is a terminal that takes one.
 * It is erased before anything is printed.
 */
export function startSpinner(world: Screen): void {
  stopSpinner();
  if (!mayColour('stderr', world)) return;
  let frame = 0;
  const draw = (): void => {
    process.stderr.write(`\r${spinnerFrames[frame++ % spinnerFrames.length] ?? ''} Working…`);
  };
  timer = setTimeout(() => {
    setOutputHook(() => process.stderr.write(eraseLine));
    draw();
    timer = setInterval(draw, 100).unref();
  }, spinnerAfterMs).unref();
}

/** Also before a prompt, and before a progress bar. */
export function stopSpinner(): void {
  clearTimeout(timer);
  setOutputHook(undefined)?.();
  timer = undefined;
}
