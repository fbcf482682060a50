import { otherSite, type Endpoint } from '../endpoint.js';
import { EckError, printable, type ErrorCode } from '../errors.js';
import type { TransportFacts, TransportFailure } from './transport.js';

/** A failed call, in the API's terms. */
export interface ApiFault extends TransportFacts {
  /** The API's `Code`; '' without one. */
  readonly apiCode: string;
  /** The API's or the transport's own words. */
  readonly message: string;
  readonly requestId?: string | undefined;
}

/** What was called, for the message of an error. */
export interface CallContext {
  readonly action: string;
  readonly clusterId?: string | undefined;
  readonly endpoint: Endpoint;
  /** Such as `profile work of the aliyun CLI`. */
  readonly identity: string;
}

/** The classes of failures; each is an {@link ErrorCode}. */
export type FaultClass = Extract<ErrorCode, `ens-${string}` | 'proxy-refused' | 'network-untrusted'>;

/** The first parts of the API's codes: `Forbidden` of `Forbidden.RAM`. */
const families: readonly (readonly [FaultClass, readonly string[]])[] = [
  ['ens-unauthenticated', ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'IncompleteSignature']],
  ['ens-unauthenticated', ['InvalidSecurityToken', 'MissingSecurityToken', 'AuthenticationFail']],
  // STS: the role does not exist.
  ['ens-unauthenticated', ['EntityNotExist']],
  ['ens-not-allowed', ['Forbidden', 'NoPermission']],
  ['ens-clock-skew', ['InvalidTimeStamp', 'IllegalTimestamp']],
  ['ens-throttled', ['Throttling']],
  ['ens-unavailable', ['ServiceUnavailable', 'InternalError', 'SignatureNonceUsed']],
];

const failureClasses: Record<TransportFailure['kind'], FaultClass> = {
  refused: 'ens-unavailable',
  unreachable: 'ens-unavailable',
  untrusted: 'network-untrusted',
  proxy: 'proxy-refused',
  'too-large': 'ens-answer-invalid',
};

/**
 * The class of a failed call, by the API's code. Without a code it was not the API that answered, so that nothing is
 * refused; an unknown code is no refusal of the identity or the cluster either.
 */
export function classifyFault({ status = 0, apiCode, failure }: ApiFault): FaultClass {
  if (failure !== undefined) return failureClasses[failure.kind];
  const family = apiCode.split('.')[0] ?? '';
  const known = families.find(([, codes]) => codes.includes(family));
  if (known !== undefined) return known[0];
  if (apiCode.startsWith('InvalidClusterId') || /cluster.*notfound/i.test(apiCode)) {
    return 'ens-cluster-not-found';
  }
  if (status === 429) return 'ens-throttled';
  return apiCode === '' || status === 0 || status >= 500 ? 'ens-unavailable' : 'ens-refused';
}

/** A call to ENS that failed. */
export class EnsError extends EckError {
  declare readonly code: FaultClass;

  constructor(
    code: FaultClass,
    message: string,
    fix?: string,
    /** How long the server asks not to be called. */
    readonly retryAfterMs?: number,
    /** Whether the host cannot be resolved or refuses the connection, which soon passes or does not pass at all. */
    readonly isHostDown = false,
  ) {
    super(code, message, { fix });
  }
}

/** The error of a failed call: what was called, what the API said, and what to do about it. */
export function ensError(fault: ApiFault, context: CallContext, now: Date): EnsError {
  const code = classifyFault(fault);
  const [message, fix] = explain(code, fault, context, now);
  const retryAfterMs = parseRetryAfter(fault.retryAfter, fault.date ?? now);
  const isHostDown = fault.failure?.kind === 'refused';
  return new EnsError(code, `${message}${reason(fault)}`, fix, retryAfterMs, isHostDown);
}

/** What failed, and the fix. */
function explain(
  code: FaultClass,
  { date, failure }: ApiFault,
  { action, endpoint, identity, clusterId }: CallContext,
  now: Date,
): [message: string, fix?: string | undefined] {
  // The transport's words name the host.
  const ens = failure === undefined ? `ENS at ${endpoint.host}` : 'ENS';
  const call = clusterId === undefined ? action : `${action} for ${clusterId}`;
  const cluster = clusterId === undefined ? 'such cluster' : `cluster ${clusterId}`;
  // An account of one site is unknown to the other, which does not say so.
  const site = otherSite(endpoint);
  const orOtherSite = site === undefined ? '' : `, or try the other site with --site ${site}`;
  switch (code) {
    case 'ens-unauthenticated':
      return [
        `${ens} does not accept ${identity}`,
        `Check the AccessKey or choose another identity with --profile${orOtherSite}`,
      ];
    case 'ens-not-allowed':
      return [`ENS does not allow ${identity} to call ${call}`, `Grant it the RAM action ens:${action}`];
    case 'ens-cluster-not-found':
      return [`${ens} has no ${cluster} in this account`, `Check the id with "kubectl eck list"${orOtherSite}`];
    case 'ens-clock-skew':
      return [`This machine's clock is ${clockDifference(date, now)} ENS`, "Set this machine's clock"];
    case 'ens-throttled':
      return [`${ens} received too many calls`, 'Try again in a minute'];
    case 'ens-unavailable':
      return [`${ens} is not available`, 'Try again, or check the network and the proxy'];
    case 'ens-answer-invalid':
      return [`${ens} sent a response that is invalid or too large`, 'Check --endpoint and the proxy'];
    case 'proxy-refused':
    case 'network-untrusted':
      return [`${ens} cannot be reached`, failure?.fix];
    case 'ens-refused':
      return [`${ens} refused ${call}`];
  }
}

/** What the API or the transport said, and the id to quote in a support ticket. */
function reason({ apiCode, message, requestId }: ApiFault): string {
  const said = printable([apiCode, message].filter(Boolean).join(': ')).replace(/\.$/, '');
  return `${said && `: ${said}`}${requestId === undefined ? '' : ` (RequestId ${printable(requestId, 64)})`}`;
}

function clockDifference(serverDate: Date | undefined, now: Date): string {
  const aheadMs = serverDate === undefined ? NaN : now.getTime() - serverDate.getTime();
  if (Number.isNaN(aheadMs)) return 'too far from the clock of';
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const amount = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `${amount} ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
}

/** Reads a `Retry-After` header (RFC 9110 section 10.2.3) as milliseconds from `now`, at least 0. */
export function parseRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const waitMs = Date.parse(header) - now.getTime();
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}
