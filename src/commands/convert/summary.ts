import { printable, quoted } from '../../errors.js';
import { places } from '../get-credentials/summary.js';
import { shellWord } from '../../terminal/format.js';
import type { KubeconfigUser } from '../../kubeconfig/user.js';
import type { Conversion, ConvertReport } from './convert.js';
import type { ClusterOfUser } from './find-convertible.js';

/** Tells the person what was done, what is left to do for them, and what to type next. */
export function summary(report: ConvertReport, { dryRun }: { readonly dryRun: boolean }): string[] {
  const { findings, conversions, failures, backups } = report;
  const lines = conversions.flatMap((conversion) => conversionLines(conversion, report));
  for (const backup of backups) {
    const file = shellWord(printable(backup));
    lines.push(
      `What the file said before is in ${printable(backup)}, keys included. When all is well: rm ${file}`,
    );
  }
  if (conversions.length === 0 && failures.length === 0) lines.push(...nothingLines(report));
  if (findings.unrecognised.length > 0) {
    const [first = ''] = findings.unrecognised;
    lines.push(
      `Left alone, since no name says which ECK cluster it is of: ${list(findings.unrecognised)}. ` +
        `If it is one: kubectl eck convert --context ${shellWord(printable(first))} --cluster-id eck-…`,
    );
  }
  const context = conversions.flatMap(({ cluster }) => cluster.contexts)[0];
  if (dryRun && conversions.length > 0) {
    lines.push('Nothing was kept or written. To have it done, leave out --dry-run.');
  } else if (context !== undefined) {
    lines.push(`Try: kubectl --context ${shellWord(printable(context))} get nodes`);
  }
  return lines;
}

/** Who a message is about: the contexts of a user, or the user where there are none. */
export function subjectOf(user: KubeconfigUser, { contexts }: ClusterOfUser): string {
  if (contexts.length === 0) return `User ${quoted(user.name)}`;
  return `Context${contexts.length === 1 ? '' : 's'} ${list(contexts)}`;
}

function conversionLines(conversion: Conversion, { identity, changes }: ConvertReport): string[] {
  const { user, cluster, keptIn, heldBackBy, keyFile, fetchedBecause, renewedAs, unchecked } = conversion;
  const subject = subjectOf(user, cluster);
  const file = printable(user.file);
  const what = `${conversion.certificateSubject}; valid until ${conversion.notAfter.toISOString().slice(0, 10)}`;
  const kept = keptIn === undefined ? 'would be kept in a store' : `is kept in ${places[keptIn]}`;
  const lines = [
    fetchedBecause === undefined
      ? `${subject}: the client key (${what}) ${kept}, and renewed with ${identity ?? ''}.`
      : `${subject}: ${fetchedBecause}, so a new client certificate (${what}) was fetched, and ${kept}.`,
  ];
  const keyText = user.content['client-key-data'];
  if (heldBackBy.length > 0) {
    lines.push(`${file} still holds the key: user ${quoted(user.name)} stays for ${list(heldBackBy)}.`);
  } else if (typeof keyText === 'string' && changes.some(({ after }) => after.includes(keyText))) {
    lines.push(
      `The same key stands elsewhere in the user kubeconfig, in a comment or another user: look there.`,
    );
  }
  if (keyFile !== undefined) {
    const path = printable(keyFile);
    lines.push(`The key still lies in ${path}. If nothing else uses it: rm ${shellWord(path)}`);
  }
  if (renewedAs !== undefined) {
    lines.push(
      `When it is renewed, the certificate will be that of ${renewedAs}, who may have other rights.`,
    );
  }
  if (unchecked !== undefined) {
    lines.push(`ENS could not be asked whether it will renew it: ${unchecked.message} [${unchecked.code}]`);
  }
  return lines;
}

function nothingLines({ findings: { converted } }: ConvertReport): string[] {
  const done =
    converted.length === 0
      ? ''
      : `; ${converted.length === 1 ? 'context' : 'contexts'} ${list(converted)} ${converted.length === 1 ? 'uses' : 'use'} kubectl-eck already`;
  return [`Nothing to convert: no client key of an ECK cluster is in the user kubeconfig${done}.`];
}

/** Names for a message: a few of them, and how many more there are. */
function list(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => printable(name, 60));
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
