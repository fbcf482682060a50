import { printable } from '../../errors.js';
import type { StoreName } from '../../settings.js';
import type { Outcome, WriteReport } from '../../kubeconfig/user.js';
import type { ClusterFailure } from './set-up-many.js';
import type { ContextSetUp } from './set-up-context.js';
import { shellWord } from '../../terminal/format.js';
import { places } from './summary.js';

/** The most clusters that a command to type next names. */
const namedAtMost = 10;

/**
 * Tells the person what became of many clusters: how many contexts there are now and as whom they reach their
 * clusters, where the certificates are kept, what failed, and what to type next.
 *
 * @param written what became of the user kubeconfig, where one was written
 */
export function manySummary(
  setUps: readonly ContextSetUp[],
  failures: readonly ClusterFailure[],
  written?: WriteReport,
): string[] {
  return [
    ...contextLines(setUps, written),
    ...(setUps.length === 0 ? [] : keptLines(setUps)),
    ...failures.map(
      ({ cluster, error }) => `kubectl-eck: ${printable(cluster)}: ${error.message} [${error.code}]`,
    ),
    ...failureLines(failures),
    ...nextLines(written),
  ];
}

function contextLines(setUps: readonly ContextSetUp[], written: WriteReport | undefined): string[] {
  const [first] = setUps;
  if (first === undefined) return [];
  if (written === undefined) {
    return [`${contexts(setUps.length)} ${reach(setUps.length)} as ${first.identity}.`];
  }
  const { entries } = written;
  if (entries.length === 0) return [];
  const files = [...new Set(entries.map(({ file }) => file))];
  const [file = ''] = files;
  const where = files.length === 1 ? printable(file) : `${files.length} files`;
  const counts = outcomes
    .map((outcome) => ({ outcome, count: entries.filter((entry) => entry.outcome === outcome).length }))
    .filter(({ count }) => count > 0)
    .map(({ outcome, count }) => `${number(count)} ${outcome}`);
  return [
    `${contexts(entries.length)} in ${where} ${reach(entries.length)} as ${first.identity}: ${counts.join(', ')}.`,
  ];
}

const outcomes: readonly Outcome[] = ['added', 'updated', 'unchanged'];

function keptLines(setUps: readonly ContextSetUp[]): string[] {
  const counts = new Map<StoreName, number>();
  for (const { keptIn } of setUps) counts.set(keptIn, (counts.get(keptIn) ?? 0) + 1);
  const nowhere = counts.get('none') ?? 0;
  counts.delete('none');
  const kept = [...counts].map(([store, count]) =>
    count === setUps.length
      ? `Their client certificates are kept in ${places[store]}.`
      : `${number(count)} client certificates are kept in ${places[store]}.`,
  );
  if (nowhere === 0) return kept;
  const all = nowhere === setUps.length;
  return [
    ...kept,
    `${all ? 'Their' : number(nowhere)} client certificates are kept nowhere, for want of a place that holds them, so ` +
      `every kubectl command ${all ? '' : 'for their clusters '}fetches one; --store file would keep them.`,
  ];
}

function failureLines(failures: readonly ClusterFailure[]): string[] {
  if (failures.length === 0) return [];
  const again = failures.filter(({ error }) => ['ens-unavailable', 'ens-throttled'].includes(error.code));
  const command = `kubectl eck get-credentials ${again.map(({ cluster }) => shellWord(cluster)).join(' ')}`;
  const retry = again.length === 0 || again.length > namedAtMost ? '' : ` Try again: ${command}`;
  return [`${number(failures.length)} ${failures.length === 1 ? 'cluster' : 'clusters'} failed.${retry}`];
}

function nextLines(written: WriteReport | undefined): string[] {
  const [entry] = written?.entries ?? [];
  if (entry === undefined) return [];
  return [`Choose one with: kubectl config use-context ${shellWord(printable(entry.contextName))}`];
}

function contexts(count: number): string {
  return `${number(count)} ${count === 1 ? 'context' : 'contexts'}`;
}

function reach(count: number): string {
  return count === 1 ? 'reaches its cluster' : 'reach their clusters';
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}
