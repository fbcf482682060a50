import { timeLimitsFor, type TimeLimits } from '../../store/time-limit.js';
import type { World } from '../../world.js';

/** How long the doctor waits for a keychain: long enough to type a password, where there is somewhere to type it. */
export function patienceOfDoctor({ environment, platform }: World): TimeLimits {
  const { limitMs, noticeAfterMs } = timeLimitsFor(environment, platform);
  return { limitMs: Math.min(limitMs, 30_000), noticeAfterMs };
}
