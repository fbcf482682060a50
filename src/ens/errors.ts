import type { Site } from '../endpoint.js';
import type { TransportFailure } from './transport.js';
import { EckError, printable, type ErrorCode } from '../errors.js';

/** How a call failed, in the API's terms. */
export interface ApiFault {
  /** 0 where there was no answer. */
  readonly status: number;
  /** The API's `Code`, or '' where there was none. */
  readonly apiCode: string;
  /** The API's or the transport's own words. */
  readonly message: string;
  readonly requestId?: string;
  /** The server's clock at its answer. */
  readonly serverDate?: Date;
  /** The answer's `Retry-After` header. */
  readonly retryAfter?: string;
  /** Why there was no answer, or no whole one. */
  readonly failure?: TransportFailure;
}

/** What was asked, for the message of an error. */
export interface CallContext {
  /** Such as `ens:DescribeClusterUserKubeconfig`. */
  readonly ramAction: string;
  readonly endpoint: string;
  /** The site that was not asked, where one was. */
  readonly otherSite?: Site;
  /** The identity and where it came from, in words. */
  readonly identity: string;
  readonly clusterId?: string;
}

/** The classes of failure that have to be told apart; each is an {@link ErrorCode}. */
export type FaultClass = Extract<ErrorCode, `ens-${string}` | 'proxy-refused' | 'network-untrusted'>;

const unauthenticated = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'InvalidSecurityToken',
  'MissingSecurityToken',
  'AuthenticationFail',
]);
const notAllowed = new Set(['Forbidden', 'NoPermission']);
const clockSkew = new Set(['InvalidTimeStamp', 'IllegalTimestamp']);
/** The API is another one than this program speaks, which says nothing about a cluster. */
const notThisApi = new Set(['InvalidAction', 'InvalidVersion', 'InvalidApi']);
const unavailable = new Set(['ServiceUnavailable', 'InternalError', 'SignatureNonceUsed']);

const failureClasses: Record<TransportFailure['kind'], FaultClass> = {
  unreachable: 'ens-unavailable',
  untrusted: 'network-untrusted',
  proxy: 'proxy-refused',
  'too-large': 'ens-answer-invalid',
};

/**
 * Tells the class of a failed call, by the API's code first and the HTTP status second. Codes can carry suffixes
 * (`Forbidden.RAM`), so it is the part before the first dot that counts.
 */
export function classifyFault({ status, apiCode, failure }: ApiFault): FaultClass {
  if (failure !== undefined) return failureClasses[failure.kind];
  const [family = ''] = apiCode.split('.');
  if (unauthenticated.has(family)) return 'ens-unauthenticated';
  if (clockSkew.has(family)) return 'ens-clock-skew';
  if (family === 'Throttling') return 'ens-throttled';
  if (unavailable.has(family)) return 'ens-unavailable';
  if (notAllowed.has(family)) return 'ens-not-allowed';
  if (notThisApi.has(family)) return 'ens-refused';
  if (apiCode.startsWith('InvalidClusterId') || /cluster.*notfound/i.test(apiCode))
    return 'ens-cluster-not-found';
  if (status === 429) return 'ens-throttled';
  if (status === 0 || status >= 500 || apiCode === '') return 'ens-unavailable';
  if (status === 403) return 'ens-not-allowed';
  if (status === 404) return 'ens-cluster-not-found';
  return 'ens-refused';
}

/** A call to ENS that failed. */
export class EnsError extends EckError {
  declare readonly code: FaultClass;

  constructor(
    code: FaultClass,
    message: string,
    /** How long the server wants to be left alone, where it said so. */
    readonly retryAfterMs: number | undefined,
  ) {
    super(code, message);
  }
}

/**
 * Reads a `Retry-After` header (RFC 9110 section 10.2.3): seconds, or a date.
 *
 * @returns milliseconds from `now`, at least 0; `undefined` where it is neither
 */
export function parseRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const waitMs = Date.parse(header) - now.getTime();
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

/** The error for a failed call: what was asked, what the API said, and what to do about it. */
export function ensError(fault: ApiFault, context: CallContext, now: Date): EnsError {
  const code = classifyFault(fault);
  const message = `${explain(code, fault, context, now)}${reference(fault)}`;
  return new EnsError(code, message, parseRetryAfter(fault.retryAfter, fault.serverDate ?? now));
}

function explain(code: FaultClass, fault: ApiFault, context: CallContext, now: Date): string {
  const { endpoint, identity, ramAction } = context;
  const said = printable([fault.apiCode, fault.message].filter(Boolean).join(': '));
  const cluster = context.clusterId ?? 'the cluster';
  switch (code) {
    case 'ens-unauthenticated':
      return (
        `ENS at ${endpoint} does not accept ${identity} (${said}); check it, or choose another one with --profile` +
        siteHint('an account', context)
      );
    case 'ens-not-allowed':
      return `ENS does not allow ${identity} to do this for ${cluster} (${said}); grant it the RAM action ${ramAction}`;
    case 'ens-cluster-not-found':
      return (
        `ENS at ${endpoint} knows no cluster ${cluster} of this account (${said}); check the id` +
        siteHint('a cluster', context)
      );
    case 'ens-clock-skew':
      return `This machine's clock ${clockDifference(fault.serverDate, now)} ENS (${said}); set it right`;
    case 'ens-throttled':
      return `ENS at ${endpoint} asks to slow down (${said}); try again in a minute`;
    case 'ens-unavailable':
      return `ENS at ${endpoint} cannot be used right now (${said}); try again, or look at the network and the proxy`;
    case 'ens-answer-invalid':
      return `ENS at ${endpoint} gave an answer that cannot be one (${said}); look at the endpoint and the proxy`;
    case 'proxy-refused':
    case 'network-untrusted':
      return `ENS at ${endpoint} cannot be reached: ${said}`;
    case 'ens-refused':
      return `ENS at ${endpoint} refused the call for ${cluster} (${said})`;
  }
}

/** An account of one site is not known to the other, which does not say so. */
function siteHint(what: string, { otherSite }: CallContext): string {
  return otherSite === undefined ? '' : `; ${what} of the other site is found with --site ${otherSite}`;
}

function clockDifference(serverDate: Date | undefined, now: Date): string {
  const aheadMs = serverDate === undefined ? NaN : now.getTime() - serverDate.getTime();
  if (Number.isNaN(aheadMs)) return 'is too far from the clock of';
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const amount = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `is ${amount} ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
}

function reference({ requestId }: ApiFault): string {
  return requestId === undefined ? '' : `. RequestId ${printable(requestId, 64)}`;
}
