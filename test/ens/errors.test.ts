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
  action: 'DescribeIt',
  endpoint: { protocol: 'https', host: 'ens.aliyuncs.com' },
  identity: 'profile work',
  clusterId: 'eck-1',
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
    if (expected === 'ens-refused') return;
    for (const other of [400, 403, 404, 409, 429, 500, 503]) {
      expect(classifyFault(fault({ apiCode, status: other }))).toBe(expected);
      expect(classifyFault(fault({ apiCode: `${apiCode}.Something.More`, status: other }))).toBe(expected);
    }
  });

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

  test.each<[number[], FaultClass, FaultClass]>([
    [[0, 500, 503], 'ens-unavailable', 'ens-unavailable'],
    [[200, 302, 400, 401, 403, 404, 408], 'ens-unavailable', 'ens-refused'],
    [[429], 'ens-throttled', 'ens-throttled'],
  ])('with HTTP %j is %s without a code and %s with an unknown one', (statuses, without, unknown) => {
    for (const status of statuses) {
      expect(classifyFault(fault({ status }))).toBe(without);
      expect(classifyFault(fault({ status, apiCode: 'Unknown.Code' }))).toBe(unknown);
    }
  });

  test.each<[TransportFailure['kind'], FaultClass]>([
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
  const ens = 'ENS at ens.aliyuncs.com';
  const checkKey = 'Check the AccessKey or choose another identity with --profile';
  const otherSite = ', or try the other site with --site international';
  const elsewhere = { endpoint: { protocol: 'https', host: 'ens.example.com' } } as const;
  const tooLarge = new TransportFailure('too-large', 'no');
  const proxy = new TransportFailure('proxy', 'no', 'Ask the proxy');

  test.each<[string, Partial<ApiFault>, Partial<CallContext>, string | undefined]>([
    [`${ens} does not accept profile work: SignatureDoesNotMatch: It`, {}, {}, `${checkKey}${otherSite}`],
    ['ENS at ens.example.com does not accept profile work: SignatureDoesNotMatch: It', {}, elsewhere, checkKey],
    [
      'ENS does not allow profile work to call DescribeIt for eck-1: Forbidden.RAM: It',
      { apiCode: 'Forbidden.RAM' },
      {},
      'Grant it the RAM action ens:DescribeIt',
    ],
    [
      'ENS does not allow profile work to call DescribeIt: NoPermission: It',
      { apiCode: 'NoPermission' },
      { clusterId: undefined },
      'Grant it the RAM action ens:DescribeIt',
    ],
    [
      `${ens} has no cluster eck-1 in this account: InvalidClusterId: It`,
      { apiCode: 'InvalidClusterId' },
      {},
      `Check the id with "kubectl eck list"${otherSite}`,
    ],
    [`${ens} received too many calls: Throttling: It`, { apiCode: 'Throttling' }, {}, 'Try again in a minute'],
    [`${ens} is not available: It`, { apiCode: '' }, {}, 'Try again, or check the network and the proxy'],
    [
      'ENS sent a response that is invalid or too large: It',
      { apiCode: '', failure: tooLarge },
      {},
      'Check --endpoint and the proxy',
    ],
    ['ENS cannot be reached: It', { apiCode: '', failure: proxy }, {}, 'Ask the proxy'],
    [
      `${ens} refused DescribeIt for eck-1: Missing: It (RequestId CEF-54B6)`,
      { apiCode: 'Missing', requestId: 'CEF-54B6' },
      {},
      undefined,
    ],
  ])('%s', (message, fields, changes, fix) => {
    const given = fault({ apiCode: 'SignatureDoesNotMatch', message: 'It.', ...fields });
    const error = ensError(given, { ...context, ...changes }, now);
    expect(error).toBeInstanceOf(EnsError);
    expect({ message: error.message, fix: error.fix }).toEqual({ message, fix });
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
    ...['soon', '', 'Infinity', 'NaN'].map((header) => [header, undefined] as const),
    ['9'.repeat(20), undefined],
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
