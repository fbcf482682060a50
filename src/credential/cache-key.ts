import { endpointKey, type EndpointSetting } from '../endpoint.js';
import { identityKey, type Identity } from '../identity.js';

/** What a credential is saved under. Computed from settings, without secrets and network. */
export interface CacheKey {
  readonly endpoint: EndpointSetting;
  readonly identity: Identity;
  readonly clusterId: string;
}

/**
 * The key as text, `<cluster id>@<endpoint>/<identity>`, each part percent-encoded: different for any two keys. Stores
 * use it as the name of the item.
 */
export function cacheKeyText({ endpoint, identity, clusterId }: CacheKey): string {
  const part = encodeURIComponent;
  return `${part(clusterId)}@${part(endpointKey(endpoint))}/${part(identityKey(identity))}`;
}
