import type { EnsAccount } from '../ens/account.js';
import type { ClusterFilter } from '../ens/clusters.js';
import { quoted } from '../errors.js';
import { otherSite, resolveEndpoint } from '../settings/endpoint.js';

/** Says that no cluster was found, where it was looked, and where else one may be. */
export function noClusters({ signedIn, endpoint }: EnsAccount, { name, region }: ClusterFilter): string {
  const filters = [
    ...(name === undefined ? [] : [` of the name ${quoted(name)}`]),
    ...(region === undefined ? [] : [` in the region ${quoted(region)}`]),
  ];
  const where = resolveEndpoint(endpoint);
  const other = otherSite(where);
  return (
    `${where.host} knows no clusters${filters.join('')} of the account of ${signedIn.description}.` +
    (other === undefined ? '' : ` The other site may: --site ${other}`)
  );
}
