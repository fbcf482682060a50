import { certificateSubject } from '../../credential/check.js';
import { readCachedCredential } from '../../exec-credential/cache.js';
import { freshness } from '../../credential/freshness.js';
import { cacheKeyText } from '../../credential/cache-key.js';
import { messageOf } from '../../errors.js';
import { cacheKeyOf } from '../../exec-credential/resolve-identity.js';
import { openStore } from '../../store/open-store.js';
import { ok, skipped, warning, type Check } from './check.js';
import { patienceOfDoctor } from './patience.js';
import { mayFetch } from './permissions.js';
import { store } from './store.js';

/** A credential is kept for the cluster, and would be served. */
export const credential: Check = {
  name: 'credential',
  needs: [store],
  after: [mayFetch],
  async examine({ subject, world, evidence }) {
    const { clusterId, settings } = subject;
    if (clusterId === undefined) return skipped('no cluster to look for');
    if (evidence.store === undefined) return skipped('nothing is kept here');
    const key = await cacheKeyOf(clusterId, settings, world);
    const name = cacheKeyText(key);
    // With `auto`, a keychain that has not answered is not asked again.
    const keptIn = openStore(evidence.store, { ...world, limits: patienceOfDoctor(world) });
    const kept = await readCachedCredential(keptIn, name);
    if (kept === undefined) {
      if (evidence.issued === undefined) return skipped('none is kept, and none can be fetched');
      return warning('none is kept, so the next kubectl command has to fetch one', {
        remedy: subject.setUpCommand(),
      });
    }
    const verdict = freshness(kept, settings, world.now());
    evidence.kept = { credential: kept, verdict };
    const detail =
      `${subjectOf(kept)}; fetched ${minute(kept.fetchedAt)}, ` +
      `the certificate is valid until ${minute(kept.notAfter)}`;
    switch (verdict) {
      case 'serve':
        return ok(detail);
      case 'renew':
        return ok(`${detail}; the next kubectl command renews it`);
      case 'fetch':
        return warning(`${detail}, which is over; the next kubectl command has to fetch one`, {
          remedy: subject.setUpCommand(),
        });
    }
  },
};

function subjectOf(kept: Parameters<typeof certificateSubject>[0]): string {
  try {
    return certificateSubject(kept);
  } catch (error) {
    return messageOf(error);
  }
}

/** `2026-11-24 09:30Z` */
function minute(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')}Z`;
}
