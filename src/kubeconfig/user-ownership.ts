import { isMapping } from '../mapping.js';
import type { Mapping } from '../mapping.js';
import type { Section } from './user-entry.js';
import type { MergedKubeconfig } from './user-merge.js';

/**
 * The names of the entries that this plugin wrote, or a person wrote for it.
 *
 * A user is ours if its `exec` entry runs `kubectl-eck`. A context is ours if its user is, and a cluster if a
 * context of ours refers to it.
 */
export function ownEntries(merged: MergedKubeconfig): Readonly<Record<Section, ReadonlySet<string>>> {
  const own = { clusters: new Set<string>(), users: new Set<string>(), contexts: new Set<string>() };
  for (const [name, { content }] of merged.users) if (isOwnUser(content)) own.users.add(name);
  for (const [name, { content }] of merged.contexts) {
    const { user, cluster } = content as { user?: unknown; cluster?: unknown };
    if (typeof user !== 'string' || !own.users.has(user)) continue;
    own.contexts.add(name);
    if (typeof cluster === 'string') own.clusters.add(cluster);
  }
  return own;
}

/** Whether a user's `exec` entry runs `kubectl-eck`, by name or by path. */
export function isOwnUser(user: Mapping): boolean {
  const exec = user['exec'];
  if (!isMapping(exec) || typeof exec['command'] !== 'string') return false;
  const program = exec['command'].split(/[\\/]/).at(-1);
  return program?.replace(/\.exe$/i, '') === 'kubectl-eck';
}
