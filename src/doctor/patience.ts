import { patienceFor, type Patience } from '../keychain/time-limit.js';
import type { World } from '../world.js';

/** How long the doctor waits for a keychain: long enough to type a password, where there is somewhere to type it. */
export function patienceOfDoctor({ environment, platform }: World): Patience {
  const { limitMs, noticeAfterMs } = patienceFor(environment, platform);
  return { limitMs: Math.min(limitMs, 30_000), noticeAfterMs };
}
