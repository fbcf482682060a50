import { endpointKey, type EndpointSetting } from '../endpoint.js';
import { identityKey, type Identity } from '../identity.js';

/** What a credential is saved under. Computed from settings, without secrets and network. */
export interface CacheKey {
  readonly endpoint: EndpointSetting;
  readonly identity: Identity;
  readonly clusterId: string;
}

/** `<cluster id>@<endpoint>/<identity>`, each part percent-encoded: different for any two keys, the name in stores. */
export function cacheKeyText({ endpoint, identity, clusterId }: CacheKey): string {
  const part = encodeURIComponent;
  return `${part(clusterId)}@${part(endpointKey(endpoint))}/${part(identityKey(identity))}`;
}
