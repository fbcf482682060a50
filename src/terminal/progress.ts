import { setOutputHook } from '../errors.js';
import { mayColour, type World } from '../world.js';

type Screen = Pick<World, 'environment' | 'isTerminal'>;

const spinnerAfterMs = 500;
const redrawEveryMs = 100;
const spinnerFrames = ['|', '/', '-', '\\'];
const widestBar = 30;
const eraseLine = '\r\x1b[K';
let timer: NodeJS.Timeout | undefined;

/** Shows a spinner while a command takes more than half a second. */
export function startSpinner(world: Screen): void {
  let frame = 0;
  showLine(() => `${spinnerFrames[frame++ % spinnerFrames.length] ?? ''} Working…`, spinnerAfterMs, world);
}

/**
 * Shows a progress bar in place of the spinner. Those of prompt libraries read the keyboard and end the process at
 * Ctrl-C. @returns what to call when one more item is done
 */
export function showProgress(label: string, total: number, world: Screen): () => void {
  let done = 0;
  showLine(() => progressLine(label, done, total, process.stderr.columns), 0, world);
  return () => {
    done += 1;
  };
}

/** Shows a line on standard error, if that is a terminal that takes one. It is erased before anything is printed. */
function showLine(text: () => string, afterMs: number, world: Screen): void {
  hideProgress();
  if (!mayColour('stderr', world)) return;
  const draw = (): void => {
    process.stderr.write(eraseLine + text());
  };
  timer = setTimeout(() => {
    setOutputHook(() => process.stderr.write(eraseLine));
    draw();
    timer = setInterval(draw, redrawEveryMs).unref();
  }, afterMs).unref();
}

/** Leaves nothing of the spinner or the bar behind. */
export function hideProgress(): void {
  clearTimeout(timer);
  setOutputHook(undefined)?.();
  timer = undefined;
}

/**
 * Such as `Fetching credentials [######------] 12/24`: the bar is as short as it has to be for one line, since a wrapped
 * line could not be erased.
 */
export function progressLine(label: string, done: number, total: number, columns: number): string {
  const count = `${done}/${total}`;
  const width = Math.min(widestBar, columns - `${label} [] ${count} `.length);
  if (width < 1) return count.slice(0, columns - 1);
  const filled = Math.floor((width * done) / total);
  return `${label} [${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${count}`;
}
