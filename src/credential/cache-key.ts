import { identityKey, type Identity } from '../identity.js';
import { endpointKey, type EndpointSetting } from '../endpoint.js';

/**
 * What a credential is kept under: the endpoint that issued it, the identity that it was issued to, and the cluster
 * that it opens. Computed from the settings alone: no secret is read, and no network is used.
 */
export interface CacheKey {
  readonly endpoint: EndpointSetting;
  readonly identity: Identity;
  readonly clusterId: string;
}

/**
 * The key as text: the account name in a keychain, and what a file's name is computed from.
 *
 * `<cluster id>@<endpoint>/<identity>`, each part percent-encoded, so that no two keys read the same.
 */
export function cacheKeyText(key: CacheKey): string {
  const part = encodeURIComponent;
  return `${part(key.clusterId)}@${part(endpointKey(key.endpoint))}/${part(identityKey(key.identity))}`;
}
