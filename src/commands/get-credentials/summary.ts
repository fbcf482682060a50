import { certificateSubject } from '../../credential/check.js';
import { formatDateTime, printable } from '../../errors.js';
import type { WriteReport } from '../../kubeconfig/change.js';
import type { StoreName } from '../../settings.js';
import { shellWord } from '../../terminal/format.js';
import type { ClusterFailure, ClusterSetUp } from './set-up.js';

const savedWords: Record<StoreName, string> = {
  keychain: 'saved in the keychain.',
  kernel: 'saved in the kernel keyring, until the next reboot.',
  file: 'saved in a file that only you can read.',
  none: 'not saved, so every kubectl command fetches one.',
};

/** Such as `client certificate (CN=someone; valid until 2026-11-25 15:04) is saved in the keychain.` */
export function certificateWords({
  credential,
  ...saved
}: Pick<ClusterSetUp, 'credential' | 'store' | 'storeFailure'>): string {
  const until = formatDateTime(credential.notAfter);
  return `client certificate (${certificateSubject(credential)}; valid until ${until}) is ${wordsOf(saved)}`;
}

function wordsOf({ store, storeFailure }: Pick<ClusterSetUp, 'store' | 'storeFailure'>): string {
  if (storeFailure === undefined) return savedWords[store];
  return `not saved, since ${storeFailure.message}; every kubectl command fetches one.`;
}

/** What works now, as which identity, and what to type next. `written` is undefined after `--print`. */
export function summaryOfOne(setUp: ClusterSetUp, identity: string, written?: WriteReport): string[] {
  const saved = [`The ${certificateWords(setUp)}`];
  if (setUp.storeFailure?.fix) saved.push(setUp.storeFailure.fix);
  const [entry] = written?.entries ?? [];
  if (entry === undefined) return [`This context reaches the cluster as ${identity}.`, ...saved];
  const context = printable(entry.contextName);
  return [
    `Context ${context} in ${printable(entry.file)} reaches the cluster as ${identity}.`,
    ...(setUp.nameReason ? [`It is named after the cluster's id, since ${setUp.nameReason}.`] : []),
    ...saved,
    written?.currentContext.after === entry.contextName
      ? 'It is the current context. Try: kubectl get nodes'
      : `Try: kubectl --context ${shellWord(context)} get nodes`,
  ];
}

/** How many contexts there are, where the credentials are saved, what failed, and what to type next. */
export function summaryOfMany(
  setUps: readonly Pick<ClusterSetUp, 'store' | 'storeFailure' | 'nameReason'>[],
  failures: readonly ClusterFailure[],
  identity: string,
  written?: WriteReport,
): string[] {
  const entries = written?.entries ?? [];
  const [entry] = entries;
  const files = new Set(entries.map(({ file }) => file)).size;
  const where = files > 1 ? ` in ${files} files` : entry ? ` in ${printable(entry.file)}` : '';
  const outcomes = written ? entries.map(({ outcome }) => outcome) : setUps.map(() => 'printed');
  const counts = countsOf(outcomes).map(([outcome, count]) => `${number(count)} ${outcome}`);
  const lines = counts.length > 0 ? [`Contexts: ${counts.join(', ')}${where} as ${identity}.`] : [];
  for (const [store, count] of countsOf(setUps.map((setUp) => setUp.store))) {
    const which = count === setUps.length ? 'Their' : number(count);
    const { storeFailure } = setUps.find((setUp) => setUp.store === store) ?? {};
    lines.push(`${which} client certificates are ${wordsOf({ store, storeFailure })}`);
    if (storeFailure?.fix) lines.push(storeFailure.fix);
  }
  const [reason, ...others] = setUps.flatMap(({ nameReason }) => nameReason ?? []);
  if (reason !== undefined) {
    const more = others.length > 0 ? `, and ${number(others.length)} more` : '';
    lines.push(`Named after the cluster's id: ${reason}${more}.`);
  }
  lines.push(...failureLines(failures));
  if (failures.length > 0) lines.push(`Clusters that failed: ${number(failures.length)}.`);
  if (entry) lines.push(`Choose one: kubectl config use-context ${shellWord(printable(entry.contextName))}`);
  return lines;
}

/** A line for each failure, then each fix once. */
export function failureLines(failures: readonly ClusterFailure[]): string[] {
  const lines = failures.map(({ cluster, error }) => `error: ${printable(cluster)}: ${error.message} [${error.code}]`);
  return [...lines, ...new Set(failures.flatMap(({ error }) => error.fix ?? []))];
}

function countsOf<Value extends string>(values: readonly Value[]): [Value, number][] {
  return [...new Set(values)].sort().map((value) => [value, values.filter((each) => each === value).length]);
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}
