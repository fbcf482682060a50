import { printable } from '../errors.js';
import { identityKey } from '../identity/identity.js';
import type { KnownCredential } from '../kept/known-credentials.js';
import type { StoreName } from '../keychain/store.js';
import type { RemovalReport } from '../kubeconfig/user.js';

/** Tells what became of a credential that was to be forgotten. */
export function forgottenLine({ key }: KnownCredential, deletedFrom: readonly StoreName[]): string {
  const whose = `${key.clusterId} for ${printable(identityKey(key.identity))}`;
  return deletedFrom.length === 0
    ? `The credential of ${whose} was not kept any more.`
    : `The credential of ${whose} is forgotten (${deletedFrom.join(', ')}).`;
}

/** Tells which contexts are gone, and what to do where the current one is among them. */
export function removalLines({ contextNames, currentContext }: RemovalReport): string[] {
  const lines = contextNames.map((name) => `Context ${printable(name)} is taken out of the kubeconfig.`);
  const { before, after } = currentContext;
  if (before !== undefined && after === undefined) {
    lines.push('No context is the current one now. Choose one: kubectl config use-context NAME');
  }
  return lines;
}

/** Tells that contexts stay, and what that means. */
export function stayingLines(credentials: readonly KnownCredential[]): string[] {
  const names = credentials.flatMap(({ contexts }) => contexts.map(({ name }) => printable(name)));
  const [one] = names;
  if (one === undefined) return [];
  return [
    names.length === 1
      ? `Context ${one} stays, and kubectl fetches a credential when it is used; --remove-contexts takes it out.`
      : `${names.length} contexts stay (${one}, …), and kubectl fetches a credential when one is used; ` +
        '--remove-contexts takes them out.',
  ];
}

/** What forgetting a certificate does not do. */
export const stillValid =
  'A certificate that was kept stays valid at its API server until it ends, or is revoked in the ENS console.';
