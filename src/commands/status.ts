import { freshness, renewalDueAt } from '../credential/freshness.js';
import { endpointKey } from '../endpoint.js';
import { printable, printLine, printOutput } from '../errors.js';
import { isLoggedOut } from '../exec-credential/cached-record.js';
import { identityKey, identityText } from '../identity.js';
import { readSettings } from '../settings.js';
import { formatDocument, humanTime } from '../terminal/format.js';
import { formatTable, terminalWidth, type Column } from '../terminal/table.js';
import type { World } from '../world.js';
import { nothingCached, readCredentials, selectCredentials, type CredentialEntry } from './cached-credentials.js';
import { contextCell } from './list.js';
import { EckCommand } from './options.js';

const formats = ['table', 'json', 'yaml'] as const;

/** `status`: the cached credentials by their records. Opens no keychain. */
export function statusCommand(world: World): EckCommand {
  const command = new EckCommand('status')
    .description('show the cached credentials')
    .argument('[CLUSTER...]', "only those of these clusters: an id, or a context's name")
    .addOutputOption(formats)
    .addKubeconfigOption()
    .addHelpText(
      'after',
      `
STATUS is one of:
  ok           served at once
  due          renewed by the next command, and served if ENS cannot be reached
  expired      the certificate has expired; the next command fetches one
  not cached   a context asks for it; the next command fetches one
  logged out   a context asks for it; only "login" or "refresh" fetches one
  not deleted  a logout could not reach its store; run logout there
  no context   cached, and no context of this kubeconfig asks for it`,
    )
    .addExamples('', 'eck-0123abcd -o json');
  return command.action(async (names: string[]) => {
    const format = command.outputFormat(formats);
    const { maxAgeMs } = readSettings({}, world.environment);
    const entries = await readCredentials(command.kubeconfigPaths(world), world);
    const now = world.now();
    const selected = selectCredentials(entries, names, names.length === 0);
    const rows = selected.map((entry) => {
      const status = statusOf(entry, maxAgeMs, now);
      if (!isLoggedOut(entry.keyText, world)) return status;
      return { ...status, status: entry.record ? ('not deleted' as const) : ('logged out' as const) };
    });
    printOutput(
      format === 'table'
        ? formatTable(columns(now), rows, terminalWidth(world), spareColumns)
        : await formatDocument(rows.map(documentOf), format),
    );
    if (rows.length === 0) printLine(nothingCached);
  });
}

interface CredentialStatus {
  readonly entry: CredentialEntry;
  /** See the command's help. */
  readonly status: 'ok' | 'due' | 'expired' | 'not cached' | 'logged out' | 'not deleted' | 'no context';
  readonly renewsAt: Date | undefined;
}

/** @param maxAgeMs for a credential that no context asks for */
export function statusOf(entry: CredentialEntry, maxAgeMs: number, now: Date): CredentialStatus {
  const { record, contexts } = entry;
  if (record === undefined) return { entry, status: 'not cached', renewsAt: undefined };
  // The context that wants the youngest credential has it renewed.
  const ages = contexts.map((context) => context.settings.maxAgeMs);
  const settings = { maxAgeMs: ages.length === 0 ? maxAgeMs : Math.min(...ages) };
  const verdict = freshness(record, settings, now);
  const renewsAt = renewalDueAt(record, settings);
  if (verdict === 'fetch') return { entry, status: 'expired', renewsAt };
  if (contexts.length === 0) return { entry, status: 'no context', renewsAt };
  return { entry, status: verdict === 'renew' ? 'due' : 'ok', renewsAt };
}

const spareColumns = ['IDENTITY', 'EXPIRES', 'STORE', 'FETCHED', 'RENEWS'];

function columns(now: Date): readonly Column<CredentialStatus>[] {
  const time = (date: Date | undefined): string => (date === undefined ? '' : humanTime(date, now));
  return [
    ['NAME', ({ entry }) => entry.record?.clusterName ?? ''],
    ['ID', ({ entry }) => entry.key.clusterId],
    ['CONTEXT', ({ entry }) => entry.contexts.map(contextCell).join(',')],
    ['IDENTITY', ({ entry }) => printable(identityText(entry.key.identity))],
    ['STORE', ({ entry }) => storeOf(entry)],
    ['FETCHED', ({ entry }) => time(entry.record?.fetchedAt)],
    ['RENEWS', ({ renewsAt }) => (renewsAt !== undefined && renewsAt <= now ? 'now' : time(renewsAt))],
    ['EXPIRES', ({ entry }) => time(entry.record?.notAfter)],
    ['STATUS', ({ status }) => status],
  ];
}

/** Every credential has the same fields; what is not known is null. */
function documentOf({ entry, status, renewsAt }: CredentialStatus): Record<string, unknown> {
  const { key, record, contexts } = entry;
  return {
    clusterId: key.clusterId,
    clusterName: record?.clusterName ?? null,
    contexts: contexts.map(({ name }) => name),
    isCurrentContext: contexts.some(({ isCurrent }) => isCurrent),
    identity: identityKey(key.identity),
    endpoint: endpointKey(key.endpoint),
    store: storeOf(entry),
    status,
    certificateSubject: record?.certificateSubject ?? null,
    fetchedAt: record?.fetchedAt.toISOString() ?? null,
    renewsAt: renewsAt?.toISOString() ?? null,
    notBefore: record?.notBefore.toISOString() ?? null,
    notAfter: record?.notAfter.toISOString() ?? null,
  };
}

function storeOf({ record, contexts }: CredentialEntry): string {
  return record?.store ?? contexts[0]?.settings.store ?? 'auto';
}
