import {
  renewalDueAt,
  freshness,
  type CredentialDates,
  type FreshnessSettings,
} from '../credential/freshness.js';
import { identityKey } from '../identity.js';
import {
  findKept,
  type KeptCertificate,
  type KnownCredential,
  type Finding,
  credentialsNamed,
  nothingKept,
  readKnown,
} from './cached-credentials.js';
import { type KeychainCatalog, openCatalog } from '../store/catalog.js';
import type { StoreChoice } from '../settings.js';
import { endpointKey } from '../endpoint.js';
import type { World } from '../world.js';
import { printable, printLine } from '../errors.js';
import { formatDocument, humanTime } from '../terminal/format.js';
import { formatTable } from '../terminal/table.js';
import { Command, Option } from 'commander';
import { readSettings } from '../settings.js';
import { kubeconfigOption, kubeconfigPaths, outputFormat, outputOption, switchOption } from './options.js';

/** How a known credential is. No secret. */
export interface CredentialStatus {
  readonly clusterId: string;
  /** The names of the contexts that ask for it, the current one first. */
  readonly contexts: readonly string[];
  readonly isCurrentContext: boolean;
  /** The identity that it was issued to, such as `profile:work`. */
  readonly identity: string;
  /** The endpoint that issued it; `default` for the China site's. */
  readonly endpoint: string;
  /** Where it is kept, or was, or is to be. */
  readonly store: StoreChoice;
  readonly status: StatusWord;
  readonly certificate: KeptCertificate | undefined;
  /** When the next command renews it. */
  readonly renewsAt: Date | undefined;
}

/**
 * Finds out how a credential is, without unlocking anything or asking anybody.
 *
 * @param maxAgeMs how old it may become where no context says so
 */
export async function credentialStatus(
  credential: KnownCredential,
  catalog: KeychainCatalog,
  { maxAgeMs }: { readonly maxAgeMs: number },
  world: World,
): Promise<CredentialStatus> {
  const { key, record, contexts } = credential;
  const finding = await findKept(credential, catalog, world);
  const certificate = finding.kind === 'there' ? finding.certificate : record;
  // It is renewed for whichever context wants the youngest one.
  const ages = contexts.map(({ settings }) => settings.maxAgeMs);
  const settings = { maxAgeMs: ages.length > 0 ? Math.min(...ages) : maxAgeMs };
  const isThere = finding.kind !== 'absent';
  return {
    clusterId: key.clusterId,
    contexts: contexts.map(({ name }) => name),
    isCurrentContext: contexts.some(({ isCurrent }) => isCurrent),
    identity: identityKey(key.identity),
    endpoint: endpointKey(key.endpoint),
    store: isThere ? finding.store : (record?.store ?? contexts[0]?.settings.store ?? 'auto'),
    status: statusWord(
      {
        finding: finding.kind,
        wasKept: record !== undefined,
        hasContext: contexts.length > 0,
        dates: certificate,
      },
      settings,
      world.now(),
    ),
    certificate,
    renewsAt: certificate && isThere ? renewalDueAt(certificate, settings) : undefined,
  };
}

/** What `status` can print, the default first. */
export const statusFormats = ['table', 'wide', 'json', 'yaml'] as const;
export type StatusFormat = (typeof statusFormats)[number];

type Column = readonly [heading: string, cell: (status: CredentialStatus, now: Date) => string];

const columns: readonly Column[] = [
  ['CLUSTER', ({ clusterId }) => clusterId],
  ['CONTEXT', contextsCell],
  ['IDENTITY', ({ identity }) => printable(identity)],
  ['STORE', ({ store }) => store],
  ['FETCHED', ({ certificate }, now) => timeCell(certificate?.fetchedAt, now)],
  ['RENEWS', ({ renewsAt }, now) => renewsCell(renewsAt, now)],
  ['EXPIRES', ({ certificate }, now) => timeCell(certificate?.notAfter, now)],
  ['STATUS', ({ status }) => status],
];

const wideColumns: readonly Column[] = [
  ...columns,
  ['SUBJECT', ({ certificate }) => certificate?.certificateSubject ?? ''],
  ['ENDPOINT', ({ endpoint }) => endpoint],
];

/**
 * The credentials as text for standard output: a table with times as kubectl shows ages, or a document with dates.
 *
 * @param now that the times of a table are seen from
 */
export async function formatStatus(
  statuses: readonly CredentialStatus[],
  { format, headers, now }: { readonly format: StatusFormat; readonly headers: boolean; readonly now: Date },
): Promise<string> {
  switch (format) {
    case 'json':
    case 'yaml':
      return formatDocument(statuses.map(documentOf), format);
    case 'table':
    case 'wide': {
      // As kubectl: where there is nothing, there is no heading either.
      if (statuses.length === 0) return '';
      const shown = format === 'wide' ? wideColumns : columns;
      return formatTable(
        shown.map(([heading]) => heading),
        statuses.map((status) => shown.map(([, cell]) => cell(status, now))),
        { headers },
      );
    }
  }
}

/** What is not known is null, so that every credential has the same fields. */
function documentOf({ certificate, renewsAt, ...status }: CredentialStatus): Record<string, unknown> {
  return {
    ...status,
    certificateSubject: certificate?.certificateSubject ?? null,
    fetchedAt: certificate?.fetchedAt.toISOString() ?? null,
    renewsAt: renewsAt?.toISOString() ?? null,
    notBefore: certificate?.notBefore.toISOString() ?? null,
    notAfter: certificate?.notAfter.toISOString() ?? null,
  };
}

function contextsCell({ contexts, isCurrentContext }: CredentialStatus): string {
  return contexts
    .map((name, index) => (index === 0 && isCurrentContext ? `*${printable(name)}` : printable(name)))
    .join(',');
}

function timeCell(time: Date | undefined, now: Date): string {
  return time === undefined ? '' : humanTime(time, now);
}

/** What is due is renewed by the next command, and not at a time that has passed. */
function renewsCell(time: Date | undefined, now: Date): string {
  return time !== undefined && time.getTime() <= now.getTime() ? 'now' : timeCell(time, now);
}

/**
 * How a credential is, in one word or two. The first of these that holds:
 *
 * - `locked`: it may be in a keychain that is locked, which is not unlocked to find out.
 * - `unknown`: the store that should have it cannot be asked from here.
 * - `gone`: it was kept, and is not any more.
 * - `not kept`: a context asks for it, and it is not kept; the next command fetches it.
 * - `expired`: its certificate has ended; the next command fetches another one.
 * - `no context`: it is kept, and no context of this kubeconfig asks for it.
 * - `due`: it is renewed at the next command, and served if that fails.
 * - `ok`: it is served at once.
 */
export type StatusWord = 'ok' | 'due' | 'expired' | 'gone' | 'not kept' | 'locked' | 'unknown' | 'no context';

/** What the status of a credential depends on. */
export interface StatusFacts {
  readonly finding: Finding['kind'];
  /** Whether it is remembered that it was kept. */
  readonly wasKept: boolean;
  readonly hasContext: boolean;
  /** Absent where nothing is known of them. */
  readonly dates: CredentialDates | undefined;
}

/** Tells how a credential is. A pure function of its arguments. */
export function statusWord(
  { finding, wasKept, hasContext, dates }: StatusFacts,
  settings: FreshnessSettings,
  now: Date,
): StatusWord {
  switch (finding) {
    case 'locked':
    case 'unknown':
      return finding;
    case 'absent':
      return wasKept ? 'gone' : 'not kept';
    case 'there':
      break;
  }
  const verdict = dates === undefined ? 'serve' : freshness(dates, settings, now);
  if (verdict === 'fetch') return 'expired';
  if (!hasContext) return 'no context';
  return verdict === 'renew' ? 'due' : 'ok';
}

/** `status`: the credentials that are kept here, and how each of them is. */
export function statusCommand(world: World): Command {
  const { environment } = world;
  const command = new Command('status')
    .description('the credentials kept here, and how each of them is')
    .argument('[CLUSTER...]', "only those of these clusters: an id, or a context's name")
    .addOption(outputOption(statusFormats))
    .addOption(new Option('--no-headers', 'print a table without its heading'))
    .addOption(kubeconfigOption())
    .addHelpText(
      'after',
      [
        '',
        'STATUS is one of:',
        '  ok           served at once',
        '  due          renewed at the next command, and served if ENS cannot be reached',
        '  expired      its certificate has ended; the next command fetches one',
        '  gone         it was kept, and is not any more; the next command fetches one',
        '  not kept     a context asks for it; the next command fetches one',
        '  locked       it may be in a keychain that is locked, and stays locked',
        '  unknown      the store that should have it cannot be asked from here',
        '  no context   it is kept, and no context of this kubeconfig asks for it',
        '',
        'Examples:',
        '  kubectl eck status',
        '  kubectl eck status eck-0123abcd -o wide',
        '  kubectl eck status -o json',
      ].join('\n'),
    );

  return command.action(async (names: string[]) => {
    const format = outputFormat(command, statusFormats);
    const headers = !switchOption(command, 'no-headers');
    const settings = readSettings({}, environment);
    const known = await readKnown(kubeconfigPaths(command, world), world);
    const missing = names.find((name) => credentialsNamed(known, name).length === 0);
    if (missing !== undefined) throw nothingKept(missing);
    const shown =
      names.length === 0 ? known : [...new Set(names.flatMap((name) => credentialsNamed(known, name)))];

    const catalog = await openCatalog(world);
    try {
      const { default: Queue } = await import('p-queue');
      const statuses = await new Queue({ concurrency: 16 }).addAll(
        shown.map((credential) => () => credentialStatus(credential, catalog, settings, world)),
      );
      process.stdout.write(await formatStatus(statuses, { format, headers, now: world.now() }));
    } finally {
      catalog.close();
    }
    if (shown.length === 0) {
      printLine('No credential is kept here. Set up a cluster: kubectl eck get-credentials eck-0123abcd');
    }
  });
}
