import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ensErrors, type EnsError, type EnsErrorCode } from './ens-errors.js';

/** An error of the API, played instead of an answer. */
export interface ApiErrorFault {
  readonly kind: 'error';
  readonly code: string;
  readonly status: number;
  readonly message: string;
  /** The value of a `Retry-After` header. */
  readonly retryAfter?: string;
}

/** An answer that is no answer. */
export type TransportFault =
  /** Takes the request, and never answers. */
  | { readonly kind: 'hang' }
  /** Breaks the connection before the answer. */
  | { readonly kind: 'reset' }
  /** Breaks the connection in the middle of the answer. */
  | { readonly kind: 'reset-mid-body' }
  /** 200, and a body that calls itself JSON and is not. */
  | { readonly kind: 'garbage' }
  /** A gateway's page of HTML. */
  | { readonly kind: 'html-502' }
  /** 200, and a JSON string that goes on for more than this many MiB, unless the client hangs up. */
  | { readonly kind: 'huge'; readonly mebibytes: number }
  /** 200, and nothing. */
  | { readonly kind: 'empty' }
  /** 200, and a complete answer whose JSON ends too early. */
  | { readonly kind: 'truncated-json' };

/** What can be made to go wrong with a call. */
export type EnsFault =
  | ApiErrorFault
  | TransportFault
  /** Answers as ever, but only after so long. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Answers as ever, but with this value as `Config`; undefined leaves the field out. */
  | { readonly kind: 'config'; readonly value: unknown };

const knownErrors: ReadonlyMap<string, EnsError> = new Map(Object.entries(ensErrors));
const unknownError = { status: 400, message: 'The request was refused.' };

/** The fault for an error of the API, with its usual status and message unless others are given. */
export function apiError(
  code: EnsErrorCode | (string & {}),
  overrides: Partial<Pick<ApiErrorFault, 'status' | 'message' | 'retryAfter'>> = {},
): ApiErrorFault {
  const { status, message } = knownErrors.get(code) ?? unknownError;
  return { kind: 'error', code, status, message, ...overrides };
}

const halfAnAnswer =
  '{"RequestId":"CEF72CEB-54B6-4AE8-B225-F876FF7BA984","Config":"apiVersion: v1\\nkind: Con';
const mebibyte = 1024 * 1024;

/** Plays a fault on a response. */
export async function playTransportFault(fault: TransportFault, response: ServerResponse): Promise<void> {
  const json = { 'content-type': 'application/json;charset=utf-8' };
  switch (fault.kind) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'reset-mid-body':
      response.writeHead(200, { ...json, 'content-length': halfAnAnswer.length * 2 });
      // The half has to be on its way before the connection breaks.
      response.write(halfAnAnswer, () => response.socket?.resetAndDestroy());
      return;
    case 'garbage':
      response.writeHead(200, json).end('<<< this is not JSON >>>');
      return;
    case 'html-502':
      response
        .writeHead(502, { 'content-type': 'text/html' })
        .end('<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\n');
      return;
    case 'huge':
      response.writeHead(200, json);
      await pipeline(Readable.from(hugeAnswer(fault.mebibytes)), response);
      return;
    case 'empty':
      response.writeHead(200, { ...json, 'content-length': 0 }).end();
      return;
    case 'truncated-json':
      response.writeHead(200, json).end(halfAnAnswer);
      return;
  }
}

function* hugeAnswer(mebibytes: number): Generator<string> {
  yield '{"Config":"';
  const block = 'a'.repeat(mebibyte);
  for (let sent = 0; sent < mebibytes; sent += 1) yield block;
  yield '"}';
}
