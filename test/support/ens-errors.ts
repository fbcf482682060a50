/** The classes of ens-api.md's table of errors, and what is left. */
export type EnsErrorClass =
  'who-are-you' | 'not-allowed' | 'no-such-cluster' | 'clock' | 'slow-down' | 'try-again' | 'other';

/** An error of the API, apart from what every answer adds to it. */
export interface EnsError {
  readonly class: EnsErrorClass;
  readonly status: number;
  readonly message: string;
}

/**
 * The errors that the API answers with, by their codes. The statuses are those seen across Alibaba Cloud's RPC
 * services, and are no guide to the class: an unknown AccessKey is a 404, and throttling mostly a 400.
 */
export const ensErrors = {
  'InvalidAccessKeyId.NotFound': {
    class: 'who-are-you',
    status: 404,
    message: 'Specified access key is not found.',
  },
  'InvalidAccessKeyId.Inactive': {
    class: 'who-are-you',
    status: 400,
    message: 'Specified access key is disabled.',
  },
  SignatureDoesNotMatch: {
    class: 'who-are-you',
    status: 400,
    message: 'Specified signature is not matched with our calculation.',
  },
  IncompleteSignature: {
    class: 'who-are-you',
    status: 400,
    message: 'The request signature does not conform to Aliyun standards.',
  },
  'InvalidSecurityToken.Expired': {
    class: 'who-are-you',
    status: 400,
    message: 'Specified SecurityToken is expired.',
  },
  'InvalidSecurityToken.Malformed': {
    class: 'who-are-you',
    status: 400,
    message: 'Specified SecurityToken is malformed.',
  },
  MissingSecurityToken: {
    class: 'who-are-you',
    status: 400,
    message: 'SecurityToken is mandatory for this action.',
  },
  Forbidden: {
    class: 'not-allowed',
    status: 403,
    message: 'User not authorized to operate on the specified resource.',
  },
  'Forbidden.RAM': {
    class: 'not-allowed',
    status: 403,
    message: 'User not authorized to operate on the specified resource, or this API does not support RAM.',
  },
  NoPermission: {
    class: 'not-allowed',
    status: 403,
    message: 'You are not authorized to do this action. You should be authorized by RAM.',
  },
  'Forbidden.AccessKeyDisabled': {
    class: 'not-allowed',
    status: 403,
    message: 'The AccessKey is disabled.',
  },
  'InvalidClusterId.NotFound': {
    class: 'no-such-cluster',
    status: 404,
    message: 'The specified cluster does not exist.',
  },
  'InvalidClusterId.Malformed': {
    class: 'no-such-cluster',
    status: 400,
    message: 'The specified cluster ID is malformed.',
  },
  ErrorClusterNotFound: {
    class: 'no-such-cluster',
    status: 404,
    message: 'The cluster is not found.',
  },
  'InvalidTimeStamp.Expired': {
    class: 'clock',
    status: 400,
    message: 'Specified time stamp or date value is expired.',
  },
  IllegalTimestamp: {
    class: 'clock',
    status: 400,
    message: 'The input parameter "Timestamp" that is mandatory for processing this request is not supplied.',
  },
  Throttling: {
    class: 'slow-down',
    status: 400,
    message: 'Request was denied due to request throttling.',
  },
  'Throttling.User': {
    class: 'slow-down',
    status: 400,
    message: 'Request was denied due to user flow control.',
  },
  'Throttling.Api': {
    class: 'slow-down',
    status: 429,
    message: 'Request was denied due to api flow control.',
  },
  ServiceUnavailable: {
    class: 'try-again',
    status: 503,
    message: 'The request has failed due to a temporary failure of the server.',
  },
  InternalError: {
    class: 'try-again',
    status: 500,
    message: 'The request processing has failed due to some unknown error.',
  },
  SignatureNonceUsed: {
    class: 'try-again',
    status: 400,
    message: 'Specified signature nonce was used already.',
  },
  MissingClusterId: {
    class: 'other',
    status: 400,
    message: 'ClusterId is mandatory for this action.',
  },
  'InvalidParameter.PrivateIpAddress': {
    class: 'other',
    status: 400,
    message: 'The specified parameter PrivateIpAddress is not valid.',
  },
  InvalidVersion: {
    class: 'other',
    status: 400,
    message: 'Specified parameter Version is not valid.',
  },
  'InvalidAction.NotFound': {
    class: 'other',
    status: 404,
    message: 'Specified api is not found, please check your url and method.',
  },
  UnsupportedHTTPMethod: {
    class: 'other',
    status: 405,
    message: 'This http method is not supported.',
  },
} as const satisfies Record<string, EnsError>;

/** A code that this double answers with of itself. Faults can carry any other. */
export type EnsErrorCode = keyof typeof ensErrors;
