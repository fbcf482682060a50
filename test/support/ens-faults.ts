import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ensErrors, type EnsError, type EnsErrorCode } from './ens-errors.js';

export interface ApiErrorFault {
  readonly kind: 'error';
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly retryAfter?: string;
}

const texts = {
  garbage: '<<< this is not JSON >>>',
  empty: '',
  'truncated-json': '{"RequestId":"CEF72CEB","Config":"apiVersion: v1\\nkind: Con',
};

/** Faults that replace the whole response. */
export type TransportFault =
  | { readonly kind: 'hang' | 'reset' | 'reset-mid-body' | 'html-502' }
  /** 200 with a body that is not JSON. */
  | { readonly kind: keyof typeof texts }
  | { readonly kind: 'huge'; readonly mebibytes: number };

/** What can be made to go wrong with a call. `config` changes the usual response. */
export type EnsFault =
  | ApiErrorFault
  | TransportFault
  /** `undefined` leaves `Config` out. */
  | { readonly kind: 'config'; readonly value: unknown };

const knownErrors: ReadonlyMap<string, EnsError> = new Map(Object.entries(ensErrors));

/** An error of the API, with its usual status and message by default. */
export function apiError(
  code: EnsErrorCode | (string & {}),
  overrides: Partial<Pick<ApiErrorFault, 'status' | 'message' | 'retryAfter'>> = {},
): ApiErrorFault {
  const { status, message } = knownErrors.get(code) ?? { status: 400, message: 'The request was refused.' };
  return { kind: 'error', code, status, message, ...overrides };
}

export async function playTransportFault(fault: TransportFault, response: ServerResponse): Promise<void> {
  const html = '<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\n';
  response.setHeader('content-type', 'application/json;charset=utf-8');
  if (fault.kind === 'hang') return;
  if (fault.kind === 'reset') response.socket?.resetAndDestroy();
  else if (fault.kind === 'reset-mid-body') {
    response.writeHead(200, { 'content-length': 1000 });
    response.write(texts['truncated-json'], () => response.socket?.resetAndDestroy());
  } else if (fault.kind === 'html-502') response.writeHead(502, { 'content-type': 'text/html' }).end(html);
  else if (fault.kind === 'huge') await pipeline(Readable.from(hugeBody(fault.mebibytes)), response);
  else response.end(texts[fault.kind]);
}

function* hugeBody(mebibytes: number): Generator<string> {
  yield '{"Config":"';
  const block = 'a'.repeat(1024 * 1024);
  for (let sent = 0; sent < mebibytes; sent += 1) yield block;
  yield '"}';
}
