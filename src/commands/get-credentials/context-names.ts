import type { Cluster } from '../../ens/actions.js';
import { EckError, printable, quoted } from '../../errors.js';
import { readExecArguments } from '../../exec-credential/arguments.js';
import type { readBeforeWriting } from '../../kubeconfig/change.js';
import type { ExecEntry } from '../../kubeconfig/entry.js';
import type { UserContext } from '../../kubeconfig/read.js';

/** A cluster, as far as ENS was asked. */
export type KnownCluster = Pick<Cluster, 'clusterId'> & Partial<Pick<Cluster, 'name' | 'region'>>;

/** The name of a context, and why it is not the cluster's name. */
export interface ContextName {
  readonly name: string;
  readonly reason?: string | undefined;
}

export interface NameRules {
  /** `--context`: a name, or a template with `{name}`, `{id}` and `{region}`. */
  readonly template?: string | undefined;
  /** The names of entries in the kubeconfig, with the id of the cluster that a context of ours reaches. */
  readonly taken: ReadonlyMap<string, string | undefined>;
  /** The context of ours that already reaches a cluster, with the same pinned arguments if there is one. */
  readonly ownContext: (clusterId: string) => string | undefined;
  /** The clusters of this command, and what else ENS listed. */
  readonly clusters: readonly KnownCluster[];
}

const placeholder = /\{(name|id|region)\}/g;

/** Whether a context is named by `--context` alone, which fits one cluster only. */
export function isPlainName(template: string | undefined): boolean {
  return template !== undefined && template.search(placeholder) === -1;
}

/** Whether ENS has to be asked for a cluster before its context can be named. */
export function needsDescription({ clusterId, name }: KnownCluster, rules: NameRules): boolean {
  if (name !== undefined || isPlainName(rules.template)) return false;
  return rules.template === undefined
    ? rules.ownContext(clusterId) === undefined
    : rules.template.replaceAll('{id}', '').search(placeholder) !== -1;
}

/**
 * Names the context of a cluster: `--context`, else the context that is there already, else the cluster's name, else its
 * id. @throws EckError `kubeconfig-conflict` for a template whose name is that of anything else
 */
export function contextName(cluster: KnownCluster, rules: NameRules): ContextName {
  const { clusterId: id, name = '', region = '' } = cluster;
  const { template } = rules;
  if (template === undefined) {
    const own = rules.ownContext(id);
    if (own !== undefined) return { name: own };
    if (name === '' || name === id) return { name: id };
    const reason = problemOf(name, cluster, rules);
    return reason === undefined ? { name } : { name: id, reason: `the cluster's name ${quoted(name)} ${reason}` };
  }
  if (isPlainName(template)) return { name: template };
  const values = { name, id, region };
  const filled = template.replace(placeholder, (_, field: keyof typeof values) => values[field]);
  const problem = problemOf(filled, cluster, rules);
  if (problem === undefined) return { name: filled };
  const message = `--context ${quoted(template)} makes ${quoted(filled)} of ${id}, which ${problem}`;
  throw new EckError('kubeconfig-conflict', message, {
    fix: 'Give another template, such as --context eck-{id}',
  });
}

/** Why a name from ENS cannot be used, in words that follow the name. */
function problemOf(name: string, { clusterId }: KnownCluster, { taken, clusters }: NameRules): string | undefined {
  if (name === clusterId) return undefined;
  if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name)) {
    return 'has other characters than letters, digits, ".", "_" and "-", or more than 63';
  }
  // Also that of a cluster that was not listed.
  if (/^eck-(?=[a-z]*\d)[a-z0-9]{6,}$/.test(name) || clusters.some((other) => other.clusterId === name)) {
    return "looks like another cluster's id";
  }
  if (clusters.some((other) => other.clusterId !== clusterId && other.name === name)) {
    return 'is that of several clusters';
  }
  return taken.has(name) && taken.get(name) !== clusterId ? 'is taken in the kubeconfig' : undefined;
}

export type ContextNamer = ReturnType<typeof contextNamer>;

interface NamerOptions extends Pick<NameRules, 'template' | 'clusters'> {
  readonly overwrite: boolean;
  readonly execOf: (clusterId: string) => ExecEntry;
  /** The command that converts a context with a client key. */
  readonly conversionOf: (existing: UserContext, clusterId: string) => string | undefined;
}

/** Names contexts. Without `before`, the user kubeconfig, they are printed and every name is free. */
export function contextNamer(
  { overwrite, execOf, conversionOf, ...options }: NamerOptions,
  before?: Awaited<ReturnType<typeof readBeforeWriting>>,
) {
  // Parsed once, and found by cluster, since there may be a thousand contexts and as many clusters.
  const pinned: readonly PinnedContext[] = (before?.contexts ?? [])
    .filter(({ isOwn }) => isOwn)
    .map((context) => ({ context, pins: pinsOf(context) }));
  const ofClusters = new Map<string | undefined, PinnedContext[]>();
  const taken = new Map<string, string | undefined>((before?.names ?? []).map((name) => [name, undefined]));
  for (const own of pinned) {
    const { context, pins } = own;
    ofClusters.set(pins?.['cluster-id'], [...(ofClusters.get(pins?.['cluster-id']) ?? []), own]);
    for (const name of [context.name, context.userName]) {
      if (name !== undefined) taken.set(name, pins?.['cluster-id']);
    }
  }
  const rules: NameRules = {
    ...options,
    taken,
    ownContext: (clusterId) => {
      const own = ofClusters.get(clusterId) ?? [];
      const wanted = pinsIn(execOf(clusterId).args);
      return (own.find(({ pins }) => changesOf(pins, wanted).length === 0) ?? own[0])?.context.name;
    },
  };
  return {
    needsDescription: (cluster: KnownCluster) => needsDescription(cluster, rules),
    /** Whether the context may not be there yet. */
    mayBeNew: ({ clusterId }: KnownCluster) => !taken.has(rules.template ?? rules.ownContext(clusterId) ?? ''),
    /** @throws EckError `kubeconfig-conflict` if the context cannot be written under its name */
    nameContext(cluster: KnownCluster): ContextName {
      const { clusterId } = cluster;
      const named = contextName(cluster, rules);
      const conflict = before?.conflicts.get(named.name) ?? findSwitch(named.name, execOf(clusterId), pinned);
      // A kubeconfig of the console names its context after the id, and its client key would stay in the file.
      const names = rules.template === undefined ? [named.name, clusterId] : [named.name];
      const existing = before?.contexts.find(({ name }) => names.includes(name));
      const conversion = existing && conversionOf(existing, clusterId);
      if (overwrite || (conflict ?? conversion) === undefined) return named;
      const message = conflict?.message ?? `Context ${quoted(clusterId)} of the kubeconfig contains a client key`;
      const fix = conversion === undefined ? conflict?.fix : `Convert it: ${conversion}`;
      throw new EckError('kubeconfig-conflict', message, { fix });
    },
  };
}

/** Flags that select a credential or its store. */
const identifyingFlags = ['cluster-id', 'profile', 'role-arn', 'endpoint', 'site', 'store'] as const;
type Pins = Readonly<Partial<Record<(typeof identifyingFlags)[number], string | undefined>>>;

/** A context of ours, and what it pins; `undefined` if its arguments are not understood. */
interface PinnedContext {
  readonly context: UserContext;
  readonly pins: Pins | undefined;
}

/** The error if an `exec` entry under this name would change the cluster or identity of a context of ours. */
function findSwitch(name: string, exec: ExecEntry, pinned: readonly PinnedContext[]): EckError | undefined {
  for (const { context, pins: present } of pinned) {
    if (context.name !== name && context.userName !== name) continue;
    const wanted = pinsIn(exec.args);
    const changed = changesOf(present, wanted);
    if (changed.length === 0) continue;
    const words = (pins: Pins = {}): string =>
      changed.map((flag) => (pins[flag] ? `--${flag} ${printable(pins[flag])}` : `no --${flag}`)).join(', ');
    const change = `pins ${words(present)} and would pin ${words(wanted)}`;
    const message = `Context ${quoted(context.name)} in ${printable(context.file)} ${change}`;
    const fix = 'Switch it with --overwrite, or choose another name with --context NAME';
    return new EckError('kubeconfig-conflict', message, { fix });
  }
  return undefined;
}

/** The flags that would change; none in a context that is not understood. */
function changesOf(present: Pins | undefined, wanted: Pins | undefined) {
  return identifyingFlags.filter((flag) => present && present[flag] !== wanted?.[flag]);
}

function pinsOf({ execArgs, clusterInfoId }: UserContext): Pins | undefined {
  const pins = pinsIn(execArgs);
  return pins && { ...pins, 'cluster-id': pins['cluster-id'] ?? clusterInfoId };
}

function pinsIn(args: readonly string[]): Pins | undefined {
  const read = readExecArguments(args, { KUBERNETES_EXEC_INFO: 'set' });
  return read && { ...read.settings, 'cluster-id': read.clusterId };
}
