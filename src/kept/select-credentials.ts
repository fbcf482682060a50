import { EckError, quoted, usageError } from '../errors.js';
import { endpointKey } from '../settings/endpoint.js';
import { readSettings, type SettingTexts } from '../settings/settings.js';
import type { KnownCredential } from './known-credentials.js';

/** Which credentials a command is about. */
export interface Selection {
  /** Cluster ids, and names of contexts. */
  readonly names: readonly string[];
  readonly all: boolean;
  /** The command that is to be typed, for the messages, such as `refresh`. */
  readonly command: string;
}

/**
 * The credentials that were named: every one of a cluster that is named by its id, whoever it is for, and the one that
 * a context asks for which is named. Without names it is the cluster of the current context.
 *
 * @throws EckError `usage` without a name where the current context is not one of ours; `not-kept` for a name that
 *   stands for none
 */
export function selectCredentials(
  known: readonly KnownCredential[],
  { names, all, command }: Selection,
): KnownCredential[] {
  if (all && names.length > 0) throw usageError('--all and a cluster say two things; give one of them');
  if (all) return [...known];
  const current = known.find(({ contexts }) => contexts.some(({ isCurrent }) => isCurrent));
  const wanted = names.length > 0 ? names : current && [current.key.clusterId];
  if (wanted === undefined) {
    throw usageError(
      'which cluster? The current context is none of kubectl-eck; give a cluster, as in ' +
        `"kubectl eck ${command} eck-0123abcd", or --all`,
    );
  }
  const selected = new Set<KnownCredential>();
  for (const name of wanted) {
    const found = credentialsNamed(known, name);
    if (found.length === 0) throw nothingKept(name);
    for (const credential of found) selected.add(credential);
  }
  return [...selected];
}

/** A cluster's id comes before a context of that name: most contexts are named after their cluster. */
export function credentialsNamed(known: readonly KnownCredential[], name: string): KnownCredential[] {
  const ofCluster = known.filter(({ key }) => key.clusterId === name);
  return ofCluster.length > 0
    ? ofCluster
    : known.filter(({ contexts }) => contexts.some((context) => context.name === name));
}

/** The error for a cluster that no credential is known of. */
export function nothingKept(name: string, whose = ''): EckError {
  return new EckError(
    'not-kept',
    `no credential of ${quoted(name)}${whose && ` ${whose}`} is kept here, and no context asks for one; ` +
      'see "kubectl eck status", or set it up with "kubectl eck get-credentials"',
  );
}

/**
 * Those of the credentials that are for who and where was typed. An environment variable does not leave one out: it
 * says what holds where nothing else is said, and a credential says it.
 *
 * @throws EckError `usage` for what cannot be understood
 */
export function forTyped(
  credentials: readonly KnownCredential[],
  typed: SettingTexts,
): readonly KnownCredential[] {
  const { profile, roleArn, endpoint } = readSettings(typed, {});
  return credentials.filter(
    ({ key }) =>
      (profile === undefined || (key.identity.kind === 'profile' && key.identity.name === profile)) &&
      (roleArn === undefined || key.identity.assumedRole === roleArn) &&
      (endpoint.kind === 'default' || endpointKey(key.endpoint) === endpointKey(endpoint)),
  );
}
