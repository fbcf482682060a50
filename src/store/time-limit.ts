import type { Environment } from '../world.js';

/** How long a keychain may take to answer. */
export interface TimeLimits {
  readonly limitMs: number;
  /** After this long, which is less, the person is told what is being waited for. */
  readonly noticeAfterMs: number;
}

/**
 * A locked keychain may ask for a password: where there is a screen to ask on, a person has a minute to type it;
 * elsewhere nobody sees the question.
 */
export function timeLimitsFor(environment: Environment, platform: NodeJS.Platform): TimeLimits {
  const hasScreen =
    platform === 'darwin' ||
    platform === 'win32' ||
    Boolean(environment['DISPLAY'] || environment['WAYLAND_DISPLAY']);
  return { limitMs: hasScreen ? 60_000 : 5_000, noticeAfterMs: 2_000 };
}

/** Whether `call` is done, or has failed, before `limitMs` is over. The timer keeps no process alive. */
export function settlesWithin(call: Promise<unknown>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(false);
    }, limitMs);
    timer.unref();
    const settled = () => {
      clearTimeout(timer);
      resolve(true);
    };
    call.then(settled, settled);
  });
}
