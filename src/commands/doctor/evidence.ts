import type { ClientCredential } from '../../credential/client-credential.js';
import type { Freshness } from '../../credential/freshness.js';
import type { EnsClient } from '../../ens/client.js';
import type { Cluster } from '../../ens/actions.js';
import type { EnsProbe } from './probe.js';
import type { EckError } from '../../errors.js';
import type { StoreName } from '../../settings.js';
import type { IssuedKubeconfig } from '../../kubeconfig/issued.js';

/** What the checks have found, for those that come after them. What is not there was not found. It holds secrets. */
export interface Evidence {
  /** The store that works, of those that were chosen. */
  store?: StoreName;
  account?: EnsClient;
  ens?: EnsProbe;
  /** What ENS said when it was asked for the list of clusters: of all, or of the one that is examined. */
  listing?: { readonly clusters: readonly Cluster[] } | { readonly error: EckError };
  /** What ENS issues for the cluster now. It is kept nowhere. */
  issued?: IssuedKubeconfig;
  /** Whether ENS has said that there is no such cluster. */
  clusterIsUnknown?: boolean;
  cluster?: Cluster;
  /** What is kept for the cluster, whatever its age. */
  kept?: { readonly credential: ClientCredential; readonly verdict: Freshness };
}
