import { failed, ok, skipped, warning, type Check } from './check.js';
import { ens } from './ens.js';

const minuteMs = 60_000;
/** Alibaba Cloud refuses a signature that is older or newer than this. */
const toleranceMs = 15 * minuteMs;

/** This machine's clock is near enough to that of ENS. */
export const clock: Check = {
  name: 'clock',
  needs: [ens],
  examine({ evidence, world }) {
    const aheadMs = evidence.ens?.clockAheadMs;
    if (aheadMs === undefined) return skipped('the answer of ENS has no date');
    const apart = Math.abs(aheadMs);
    const amount =
      apart < 2 * minuteMs ? `${Math.round(apart / 1000)} s` : `${Math.round(apart / minuteMs)} min`;
    const detail = `${amount} ${aheadMs > 0 ? 'ahead of' : 'behind'} the clock of ENS`;
    const remedy = setClock[world.platform] ?? 'set the clock of this machine';
    if (apart > toleranceMs) {
      return failed(`${detail}, which accepts no signature made now`, { remedy, code: 'ens-clock-skew' });
    }
    if (apart > minuteMs) return warning(`${detail}, which accepts up to 15 min`, { remedy });
    return ok(apart < 2000 ? 'the same as that of ENS' : detail);
  },
};

const setClock: { readonly [platform in NodeJS.Platform]?: string } = {
  linux: 'sudo timedatectl set-ntp true',
  darwin: 'sudo sntp -sS time.apple.com',
  win32: 'w32tm /resync',
};
