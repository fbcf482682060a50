import type { Environment } from '../identity/identity.js';

/**
 * Where this plugin keeps what is in no keychain: `kubectl-eck` in kubectl's cache directory, which is
 * `$KUBECACHEDIR` or `~/.kube/cache`.
 */
export function cacheDirectory(environment: Environment, homeDirectory: string): string {
  const kubectlCache = environment['KUBECACHEDIR'] || `${homeDirectory}/.kube/cache`;
  return `${kubectlCache}/kubectl-eck`;
}

/** Where `--store file` keeps credentials. */
export function credentialsDirectory(environment: Environment, homeDirectory: string): string {
  return `${cacheDirectory(environment, homeDirectory)}/credentials`;
}
