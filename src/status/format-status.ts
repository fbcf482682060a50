import { printable } from '../errors.js';
import { formatDocument } from '../terminal/document.js';
import { humanTime } from '../terminal/human-duration.js';
import { formatTable } from '../terminal/table.js';
import type { CredentialStatus } from './credential-status.js';

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
