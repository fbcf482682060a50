import { certificateSubject } from '../../credential/check.js';
import { cacheKeyText, type CacheKey } from '../../credential/cache-key.js';
import type { EnsClient } from '../../ens/client.js';
import { EckError } from '../../errors.js';
import type { Identity } from '../../identity.js';
import type { KubeconfigUser } from '../../kubeconfig/user.js';
import { readRecords } from '../../exec-credential/records.js';
import type { World } from '../../world.js';
import type { ClusterOfUser, ConvertibleUser } from './find-convertible.js';
import { obtainCredential, type Obtained } from './obtain-credential.js';

/** What is to be done about one user. */
export interface UserPlan {
  readonly user: KubeconfigUser;
  /** One for each cluster that it is converted for. */
  readonly steps: readonly PlanStep[];
  /** The contexts that the user has to stay for. */
  readonly heldBackBy: readonly string[];
}

/** A credential that is to be kept, and under which key. */
export interface PlanStep {
  readonly cluster: ClusterOfUser;
  readonly key: CacheKey;
  readonly obtained: Obtained;
}

/** A user that stays as it is for a cluster, and why. */
export interface Failure {
  readonly user: KubeconfigUser;
  readonly cluster: ClusterOfUser;
  readonly error: EckError;
}

/**
 * Obtains the credential of each user, and refuses what would lose one: a cluster has one credential for an identity, so
 * that of somebody else is not to take its place unless the person named the context.
 */
export async function planUsers(
  convertible: readonly ConvertibleUser[],
  {
    account,
    identity,
    namedContexts,
  }: {
    readonly account: EnsClient;
    readonly identity: Identity;
    readonly namedContexts: readonly string[];
  },
  world: World,
): Promise<{ readonly plans: readonly UserPlan[]; readonly failures: readonly Failure[] }> {
  const plans: UserPlan[] = [];
  const failures: Failure[] = [];
  const keptBefore = new Map(
    readRecords(world).map((record) => [cacheKeyText(record.key), record.certificateSubject]),
  );
  const planned = new Map<string, string>();

  for (const { user, clusters, otherContexts } of convertible) {
    const steps: PlanStep[] = [];
    const heldBackBy = [...otherContexts];
    for (const cluster of clusters) {
      const key = { endpoint: account.endpoint, identity, clusterId: cluster.clusterId };
      const keyText = cacheKeyText(key);
      try {
        const obtained = await obtainCredential(user, cluster, account, world);
        const subject = certificateSubject(obtained.credential);
        const isNamed = cluster.contexts.some((name) => namedContexts.includes(name));
        const rival = planned.get(keyText) ?? (isNamed ? undefined : keptBefore.get(keyText));
        if (obtained.fetchedBecause === undefined && rival !== undefined && rival !== subject) {
          throw rivalError(cluster, subject, rival);
        }
        planned.set(keyText, subject);
        steps.push({ cluster, key, obtained });
      } catch (error) {
        if (!(error instanceof EckError)) throw error;
        failures.push({ user, cluster, error });
        heldBackBy.push(...cluster.contexts);
      }
    }
    if (steps.length > 0) plans.push({ user, steps, heldBackBy });
  }
  return { plans, failures };
}

function rivalError({ clusterId }: ClusterOfUser, subject: string, rival: string): EckError {
  return new EckError(
    'context-not-convertible',
    `its certificate is that of ${subject}, and the one kept for ${clusterId} is that of ${rival}; there is one for a ` +
      'cluster and an identity. Convert it for another identity with --profile, or name the context to have this one kept',
  );
}
