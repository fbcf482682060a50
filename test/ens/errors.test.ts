import { describe, expect, test } from '@jest/globals';
import { printable } from '../../src/errors.js';
import {
  classifyFault,
  ensError,
  EnsError,
  parseRetryAfter,
  type ApiFault,
  type CallContext,
  type FaultClass,
} from '../../src/ens/errors.js';
import { TransportFailure } from '../../src/ens/transport.js';
import { ensErrors, type EnsErrorClass } from '../support/ens-errors.js';

const now = new Date('2026-03-01T12:00:00.000Z');

const context: CallContext = {
  action: 'DescribeClusterUserKubeconfig',
  endpoint: { protocol: 'https', host: 'ens.aliyuncs.com' },
  identity: 'profile work of the aliyun CLI',
  clusterId: 'eck-0123abcd',
};

function fault(fields: Partial<ApiFault>): ApiFault {
  return { status: 400, apiCode: '', message: '', ...fields };
}

describe('the class of a failure', () => {
  const classes: Record<EnsErrorClass, FaultClass> = {
    'who-are-you': 'ens-unauthenticated',
    'not-allowed': 'ens-not-allowed',
    'no-such-cluster': 'ens-cluster-not-found',
    clock: 'ens-clock-skew',
    'slow-down': 'ens-throttled',
    'try-again': 'ens-unavailable',
    other: 'ens-refused',
  };
  const documented = Object.entries(ensErrors).map(
    ([apiCode, error]) => [apiCode, error.status, classes[error.class]] as const,
  );

  test.each(documented)('%s with HTTP %i is %s', (apiCode, status, expected) => {
    expect(classifyFault(fault({ apiCode, status }))).toBe(expected);
  });

  test.each(documented.filter(([, , expected]) => expected !== 'ens-refused'))(
    '%s has its class with every status and suffix',
    (apiCode, _, expected) => {
      for (const status of [400, 403, 404, 409, 429, 500, 503]) {
        expect(classifyFault(fault({ apiCode, status }))).toBe(expected);
        expect(classifyFault(fault({ apiCode: `${apiCode}.Something.More`, status }))).toBe(expected);
      }
    },
  );

  test.each<[string, FaultClass]>([
    ['InvalidAccessKeyId', 'ens-unauthenticated'],
    ['InvalidSecurityToken.MismatchWithAccessKey', 'ens-unauthenticated'],
    ['EntityNotExist.Role', 'ens-unauthenticated'],
    ['Forbidden.NoRAM', 'ens-not-allowed'],
    ['NoPermission.Policy', 'ens-not-allowed'],
    ['IllegalTimestamp.Expired', 'ens-clock-skew'],
    ['InvalidClusterIdFormat', 'ens-cluster-not-found'],
    ['Cluster.NotFound', 'ens-cluster-not-found'],
    ['ErrorClusterNotFound.Deleted', 'ens-cluster-not-found'],
    ['ForbiddenFruit', 'ens-refused'],
    ['ThrottlingIsFun', 'ens-refused'],
    ['VSwitch.NotFound', 'ens-refused'],
    ['NotFound', 'ens-refused'],
    ['Something.Forbidden', 'ens-refused'],
    ['constructor', 'ens-refused'],
  ])('with the code %s is %s', (apiCode, expected) => {
    expect(classifyFault(fault({ apiCode }))).toBe(expected);
  });

  test.each<[number, FaultClass, FaultClass]>([
    [0, 'ens-unavailable', 'ens-unavailable'],
    [200, 'ens-unavailable', 'ens-refused'],
    [302, 'ens-unavailable', 'ens-refused'],
    [400, 'ens-unavailable', 'ens-refused'],
    [401, 'ens-unavailable', 'ens-refused'],
    [403, 'ens-unavailable', 'ens-refused'],
    [404, 'ens-unavailable', 'ens-refused'],
    [408, 'ens-unavailable', 'ens-refused'],
    [429, 'ens-throttled', 'ens-throttled'],
    [500, 'ens-unavailable', 'ens-unavailable'],
    [503, 'ens-unavailable', 'ens-unavailable'],
  ])('with HTTP %i is %s without a code and %s with an unknown one', (status, without, unknown) => {
    expect(classifyFault(fault({ status }))).toBe(without);
    expect(classifyFault(fault({ status, apiCode: 'Unknown.Code' }))).toBe(unknown);
  });

  test.each<[NonNullable<ApiFault['failure']>['kind'], FaultClass]>([
    ['refused', 'ens-unavailable'],
    ['unreachable', 'ens-unavailable'],
    ['untrusted', 'network-untrusted'],
    ['proxy', 'proxy-refused'],
    ['too-large', 'ens-answer-invalid'],
  ])('of the transport (%s) is %s, whatever the response says', (kind, expected) => {
    const failure = new TransportFailure(kind, 'no');
    expect(classifyFault(fault({ status: 403, apiCode: 'Forbidden.RAM', failure }))).toBe(expected);
  });
});

describe('the error of a failure', () => {
  const requestId = 'CEF72CEB-54B6-4AE8-B225-F876FF7BA984';
  const proxyFailure = new TransportFailure('proxy', 'the proxy refuses', 'Ask the proxy');
  const examples: [FaultClass, Partial<ApiFault>, Partial<CallContext>, string, string | undefined][] = [
    [
      'ens-unauthenticated',
      { apiCode: 'InvalidAccessKeyId.NotFound', status: 404, message: 'It is not found.', requestId },
      {},
      'ENS at ens.aliyuncs.com does not accept profile work of the aliyun CLI: ' +
        `InvalidAccessKeyId.NotFound: It is not found (RequestId ${requestId})`,
      'Check the AccessKey or choose another identity with --profile, ' +
        'or try the other site with --site international',
    ],
    [
      'ens-unauthenticated',
      { apiCode: 'SignatureDoesNotMatch' },
      { endpoint: { protocol: 'https', host: 'ens.example.com' } },
      'ENS at ens.example.com does not accept profile work of the aliyun CLI: SignatureDoesNotMatch',
      'Check the AccessKey or choose another identity with --profile',
    ],
    [
      'ens-not-allowed',
      { apiCode: 'Forbidden.RAM' },
      {},
      'ENS does not allow profile work of the aliyun CLI to call DescribeClusterUserKubeconfig for ' +
        'eck-0123abcd: Forbidden.RAM',
      'Grant it the RAM action ens:DescribeClusterUserKubeconfig',
    ],
    [
      'ens-not-allowed',
      { apiCode: 'NoPermission' },
      { action: 'DescribeClustersV1', clusterId: undefined },
      'ENS does not allow profile work of the aliyun CLI to call DescribeClustersV1: NoPermission',
      'Grant it the RAM action ens:DescribeClustersV1',
    ],
    [
      'ens-cluster-not-found',
      { apiCode: 'InvalidClusterId.NotFound' },
      {},
      'ENS at ens.aliyuncs.com has no cluster eck-0123abcd in this account: InvalidClusterId.NotFound',
      'Check the id with "kubectl eck list", or try the other site with --site international',
    ],
    [
      'ens-throttled',
      { apiCode: 'Throttling' },
      {},
      'ENS at ens.aliyuncs.com received too many calls: Throttling',
      'Try again in a minute',
    ],
    [
      'ens-unavailable',
      { message: 'HTTP 503', status: 503 },
      {},
      'ENS at ens.aliyuncs.com is not available: HTTP 503',
      'Try again, or check the network and the proxy',
    ],
    [
      'ens-answer-invalid',
      { failure: new TransportFailure('too-large', 'no'), message: 'the response of ens is too large' },
      {},
      'ENS sent a response that is invalid or too large: the response of ens is too large',
      'Check --endpoint and the proxy',
    ],
    [
      'proxy-refused',
      { failure: proxyFailure, message: 'the proxy refuses' },
      {},
      'ENS cannot be reached: the proxy refuses',
      'Ask the proxy',
    ],
    [
      'ens-refused',
      { apiCode: 'MissingClusterId' },
      {},
      'ENS at ens.aliyuncs.com refused DescribeClusterUserKubeconfig for eck-0123abcd: MissingClusterId',
      undefined,
    ],
  ];

  test.each(examples)('%s (%j, %j)', (code, fields, changes, message, fix) => {
    const error = ensError(fault(fields), { ...context, ...changes }, now);
    expect(error).toBeInstanceOf(EnsError);
    expect({ code: error.code, message: error.message, fix: error.fix }).toEqual({ code, message, fix });
  });

  test('is one printable line, whatever the API says', () => {
    const hostile = `\u001b[2J\nfake: line\r\u202e\u009b${'x'.repeat(100_000)}`;
    for (const apiCode of ['', `Forbidden.${hostile}`, hostile]) {
      const { message } = ensError(fault({ apiCode, message: hostile, requestId: hostile }), context, now);
      expect(message).toBe(printable(message, 700));
    }
  });

  test.each([
    ['2026-03-01T11:59:00Z', "This machine's clock is 60 s ahead of ENS"],
    ['2026-03-01T11:58:01Z', "This machine's clock is 119 s ahead of ENS"],
    ['2026-03-01T11:40:00Z', "This machine's clock is 20 min ahead of ENS"],
    ['2026-03-01T12:00:30Z', "This machine's clock is 30 s behind ENS"],
    ['2026-03-02T12:00:00Z', "This machine's clock is 1440 min behind ENS"],
    ['never', "This machine's clock is too far from the clock of ENS"],
  ])('says how far the clock is off if the server has %s', (date, expected) => {
    const error = ensError(fault({ apiCode: 'InvalidTimeStamp', date: new Date(date) }), context, now);
    expect(error).toMatchObject({ code: 'ens-clock-skew', message: `${expected}: InvalidTimeStamp` });
  });
});

describe('Retry-After', () => {
  test.each([
    [undefined, undefined],
    ['0', 0],
    [' 7 ', 7000],
    ['120', 120_000],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('%j is %j ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });

  test("as a date is relative to the server's clock", () => {
    const retryAfter = 'Sun, 01 Mar 2026 12:30:30 GMT';
    const date = new Date('2026-03-01T12:30:00Z');
    const error = ensError(fault({ apiCode: 'Throttling', retryAfter, date }), context, now);
    expect(error.retryAfterMs).toBe(30_000);
  });
});
