/** The classes of ens-api.md's table of errors, and `other`. */
export type EnsErrorClass =
  'who-are-you' | 'not-allowed' | 'no-such-cluster' | 'clock' | 'slow-down' | 'try-again' | 'other';

export interface EnsError {
  readonly class: EnsErrorClass;
  readonly status: number;
  readonly message: string;
}

const error = (errorClass: EnsErrorClass, status: number, message: string): EnsError => ({
  class: errorClass,
  status,
  message,
});

/** The errors of the API by code. The status does not say the class. */
export const ensErrors = {
  'InvalidAccessKeyId.NotFound': error('who-are-you', 404, 'Specified access key is not found.'),
  'InvalidAccessKeyId.Inactive': error('who-are-you', 400, 'Specified access key is disabled.'),
  SignatureDoesNotMatch: error('who-are-you', 400, 'Specified signature is not matched.'),
  IncompleteSignature: error('who-are-you', 400, 'The request signature does not conform.'),
  'InvalidSecurityToken.Expired': error('who-are-you', 400, 'Specified SecurityToken is expired.'),
  'InvalidSecurityToken.Malformed': error('who-are-you', 400, 'Specified SecurityToken is malformed.'),
  MissingSecurityToken: error('who-are-you', 400, 'SecurityToken is mandatory for this action.'),
  Forbidden: error('not-allowed', 403, 'User not authorized to operate on the specified resource.'),
  'Forbidden.RAM': error('not-allowed', 403, 'User not authorized, or this API does not support RAM.'),
  NoPermission: error('not-allowed', 403, 'You are not authorized to do this action.'),
  'Forbidden.AccessKeyDisabled': error('not-allowed', 403, 'The AccessKey is disabled.'),
  'InvalidClusterId.NotFound': error('no-such-cluster', 404, 'The specified cluster does not exist.'),
  'InvalidClusterId.Malformed': error('no-such-cluster', 400, 'The specified cluster ID is malformed.'),
  ErrorClusterNotFound: error('no-such-cluster', 404, 'The cluster is not found.'),
  'InvalidTimeStamp.Expired': error('clock', 400, 'Specified time stamp or date value is expired.'),
  IllegalTimestamp: error('clock', 400, 'The input parameter "Timestamp" is not supplied.'),
  Throttling: error('slow-down', 400, 'Request was denied due to request throttling.'),
  'Throttling.User': error('slow-down', 400, 'Request was denied due to user flow control.'),
  'Throttling.Api': error('slow-down', 429, 'Request was denied due to api flow control.'),
  ServiceUnavailable: error('try-again', 503, 'A temporary failure of the server.'),
  InternalError: error('try-again', 500, 'The request processing has failed.'),
  SignatureNonceUsed: error('try-again', 400, 'Specified signature nonce was used already.'),
  MissingClusterId: error('other', 400, 'ClusterId is mandatory for this action.'),
  'InvalidParameter.PrivateIpAddress': error('other', 400, 'The parameter PrivateIpAddress is not valid.'),
  InvalidVersion: error('other', 400, 'Specified parameter Version is not valid.'),
  'InvalidAction.NotFound': error('other', 404, 'Specified api is not found.'),
  UnsupportedHTTPMethod: error('other', 405, 'This http method is not supported.'),
} as const satisfies Record<string, EnsError>;

export type EnsErrorCode = keyof typeof ensErrors;
