// What has to happen in soak.test.ts: which requests are served, and how many calls ENS has to get for them.
import type { EnsIdentity, IssuedCredential } from '../support/ens-account.js';
import { apiError, type EnsFault } from '../support/ens-faults.js';
import type { EnsCall } from '../support/ens-server.js';

export const [minuteMs, hourMs] = [60_000, 3_600_000];
/** By how much certificates are backdated: more than a day, so that they are valid by the real clock too. */
export const backdatingMs = 26 * hourMs;
/** A credential is due so long before the end of its certificate, and at this age. */
const [marginMs, maxAgeMs] = [10 * minuteMs, 12 * hourMs];
/** After a failed renewal, or one because of a revocation, the cached credential is served for so long. */
const memoryMs = minuteMs;

/** With `retry-after`, an attempt is one call. */
export const outages = {
  'is down': { kind: 'reset' },
  hangs: { kind: 'hang' },
  fails: apiError('ServiceUnavailable', { retryAfter: '30' }),
  throttles: apiError('Throttling.User', { retryAfter: '30' }),
} as const satisfies Record<string, EnsFault>;

export type Identity = EnsIdentity & { store: 'file' | 'kernel' | 'auto' };

/** A cluster and an AccessKey, which together have one cached credential in each store. */
export class Key {
  readonly cached = new Map<string, IssuedCredential>();
  failedAtMs = -Infinity;
  repairedAtMs = -Infinity;
  readonly name: string;

  constructor(
    readonly clusterId: string,
    readonly identity: Identity,
  ) {
    this.name = `${clusterId} ${identity.accessKeyId}`;
  }
}

const nameOf = (issued: IssuedCredential): string => `${issued.clusterId} ${issued.accessKeyId}`;
const nameOfCall = ({ params, accessKeyId }: EnsCall): string => `${params['ClusterId']} ${accessKeyId}`;

export interface Request {
  readonly client: string;
  readonly key: Key;
  readonly failure: string | undefined;
}

/** What happened between two times of the simulated clock. */
export interface Step {
  readonly startMs: number;
  readonly endMs: number;
  readonly requests: readonly Request[];
  readonly calls: readonly EnsCall[];
  readonly issued: readonly IssuedCredential[];
  /** The certificates that the API server saw. */
  readonly used: readonly IssuedCredential[];
  /** The key whose processes were killed before the shell asked, and the certificate that the shell got. */
  readonly victim: Key | undefined;
  readonly shellSerial: string | undefined;
}

/** What the plugin does at a time: whether it tries to renew and why, and why a client may fail. */
interface Judgement {
  readonly why?: 'first' | 'due' | 'revoked';
  readonly mayFail?: string | undefined;
}

export class Model {
  outage: keyof typeof outages | undefined;
  isKeychainLocked = false;
  readonly revoked = new Set<string>();
  served = 0;
  readonly notServed: Record<string, number> = {};
  /** The calls that ENS got, by why they were made, and the number that it had to get. */
  readonly calls: Record<string, number> = {};
  least = 0;

  /** Where the plugin looks for a credential, in this order; it saves in the first. */
  #places({ identity: { store } }: Key): string[] {
    return store !== 'auto' ? [store] : this.isKeychainLocked ? ['kernel'] : ['keychain', 'kernel'];
  }

  cachedOf(key: Key): IssuedCredential | undefined {
    return this.#places(key).flatMap((place) => key.cached.get(place) ?? [])[0];
  }

  judge(key: Key, atMs: number): Judgement {
    const cached = this.cachedOf(key);
    const mayFail = this.outage && `ENS ${this.outage}`;
    if (cached === undefined) return { why: 'first', mayFail };
    if (atMs >= +cached.notAfter) return { why: 'due', mayFail };
    const isRevoked = this.revoked.has(cached.serialNumber);
    if (atMs < key.failedAtMs + memoryMs) return isRevoked ? { mayFail: 'ENS failed within a minute' } : {};
    const tooOldAtMs = +cached.notBefore + backdatingMs + maxAgeMs;
    const isDue = atMs >= Math.min(tooOldAtMs, +cached.notAfter - marginMs);
    if (!isRevoked) return isDue ? { why: 'due' } : {};
    if (isDue) return { why: 'due', mayFail };
    return atMs < key.repairedAtMs + memoryMs ? { mayFail: 'revoked twice a minute' } : { why: 'revoked', mayFail };
  }

  /** @throws if something happened that does not have to, or the other way round */
  check(step: Step): void {
    const keys = [...new Set(step.requests.map(({ key }) => key))];
    const names = [...step.calls.map(nameOfCall), ...step.used.map(nameOf)];
    const stray = names.find((name) => !keys.some((key) => key.name === name));
    if (stray !== undefined) throw new Error(`no client asked for ${stray}`);
    for (const key of keys) this.#checkKey(key, step);
  }

  #checkKey(key: Key, { startMs, endMs, requests, calls, issued, victim, shellSerial }: Step): void {
    const mine = requests.filter((request) => request.key === key);
    const cached = this.cachedOf(key);
    // The clocks of the processes and the model's differ a little, so that either may be right.
    const judgements = [this.judge(key, startMs - 10_000), this.judge(key, endMs + 2_000)];
    let min = judgements.every(({ why }) => why) ? 1 : 0;
    let max = judgements.some(({ why }) => why) ? 1 : 0;
    const isServable = cached !== undefined && endMs + 2_000 < +cached.notAfter;
    // Without anything to serve, each run of the plugin asks. A client runs it at most three times.
    if (this.outage !== undefined && !isServable) max = 3 * mine.length;
    const isVictim = key === victim;
    // Clients of a library hold a credential, and run the plugin only when they need another one.
    if (mine.every(({ client }) => client.includes('kubernetes')) || (isVictim && isServable)) min = 0;

    // The plugin tries for two seconds if ENS is down, which is one attempt.
    const answers = calls.filter((call) => nameOfCall(call) === key.name).map(({ outcome }) => outcome);
    const made = answers.filter((outcome, index) => outcome !== 'reset' || answers.indexOf(outcome) === index).length;
    // What a process fetched and did not save before it was killed is fetched again.
    if (made < min || made > max + Number(isVictim)) {
      throw new Error(`${made} calls to ENS for ${key.name}, not ${min} to ${max}`);
    }
    this.least += Math.min(made, max);
    const why = judgements.flatMap((judgement) => judgement.why ?? [])[0];
    count(this.calls, this.outage === undefined ? (why ?? 'killed') : 'failed', made);
    // client-go reports the first 401, though it has the next credential by then.
    const isRepaired = why === 'revoked' && (made > 0 || isVictim);
    const reasons = judgements.flatMap(({ mayFail }) => mayFail ?? []);
    for (const { client, failure } of mine) {
      const reason = reasons[0] ?? (isRepaired ? 'revoked a moment ago' : undefined);
      if (failure === undefined) this.served += 1;
      else if (reason !== undefined) count(this.notServed, reason);
      else throw new Error(`${client} is not served for ${key.name}: ${failure}`);
    }

    const isSaved = (one: IssuedCredential) => (isVictim ? one.serialNumber === shellSerial : nameOf(one) === key.name);
    const saved = issued.filter(isSaved).at(-1);
    if (saved) key.cached.set(this.#places(key)[0] ?? '', saved);
    if (made === 0) return;
    key.failedAtMs = this.outage === undefined ? -Infinity : endMs;
    if (why === 'revoked') key.repairedAtMs = endMs;
  }
}

export function count(counts: Record<string, number>, name: string, by = 1): void {
  if (by > 0) counts[name] = (counts[name] ?? 0) + by;
}
