import { describe, expect, test } from '@jest/globals';
import { EckError } from '../../src/errors.js';
import {
  classifyFault,
  ensError,
  EnsError,
  parseRetryAfter,
  type ApiFault,
  type CallContext,
  type FaultClass,
} from '../../src/ens/errors.js';
import { ensErrors, type EnsErrorClass } from '../support/ens-errors.js';

const now = new Date('2026-03-01T12:00:00.000Z');

const context: CallContext = {
  ramAction: 'ens:DescribeClusterUserKubeconfig',
  endpoint: 'ens.aliyuncs.com',
  otherSite: 'international',
  identity: 'profile work of the aliyun CLI',
  clusterId: 'eck-0123abcd',
};

function fault(fields: Partial<ApiFault>): ApiFault {
  return { status: 400, apiCode: '', message: '', ...fields };
}

function messageOf(fields: Partial<ApiFault>, of: Partial<CallContext> = {}, at = now): string {
  return ensError(fault(fields), { ...context, ...of }, at).message;
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
    '%s is told by its code, whatever its status, and with more suffixes',
    (apiCode, _, expected) => {
      for (const status of [400, 403, 404, 409, 429, 500, 503]) {
        expect(classifyFault(fault({ apiCode, status }))).toBe(expected);
        expect(classifyFault(fault({ apiCode: `${apiCode}.Something.More`, status }))).toBe(expected);
      }
    },
  );

  test.each<[string, FaultClass]>([
    ['InvalidAccessKeyId', 'ens-unauthenticated'],
    ['InvalidSecurityToken', 'ens-unauthenticated'],
    ['InvalidSecurityToken.MismatchWithAccessKey', 'ens-unauthenticated'],
    ['Forbidden.NoRAM', 'ens-not-allowed'],
    ['NoPermission.Policy', 'ens-not-allowed'],
    ['InvalidTimeStamp', 'ens-clock-skew'],
    ['IllegalTimestamp.Expired', 'ens-clock-skew'],
    ['Throttling.Anything', 'ens-throttled'],
    ['InternalError.Database', 'ens-unavailable'],
    ['InvalidClusterId', 'ens-cluster-not-found'],
    ['InvalidClusterIdFormat', 'ens-cluster-not-found'],
    ['Cluster.NotFound', 'ens-cluster-not-found'],
    ['ClusterNotFound', 'ens-cluster-not-found'],
    ['ErrorClusterNotFound.Deleted', 'ens-cluster-not-found'],
    // Alike, and something else.
    ['ForbiddenFruit', 'ens-refused'],
    ['ThrottlingIsFun', 'ens-refused'],
    ['VSwitch.NotFound', 'ens-refused'],
    ['NotFound', 'ens-refused'],
    ['Something.Forbidden', 'ens-refused'],
    ['constructor', 'ens-refused'],
  ])('with the code %s and HTTP 400 is %s', (apiCode, expected) => {
    expect(classifyFault(fault({ apiCode, status: 400 }))).toBe(expected);
  });

  test.each<[number, FaultClass]>([
    [0, 'ens-unavailable'],
    [400, 'ens-refused'],
    [401, 'ens-refused'],
    [403, 'ens-not-allowed'],
    [404, 'ens-cluster-not-found'],
    [405, 'ens-refused'],
    [409, 'ens-refused'],
    [429, 'ens-throttled'],
    [500, 'ens-unavailable'],
    [502, 'ens-unavailable'],
    [503, 'ens-unavailable'],
    [504, 'ens-unavailable'],
    [599, 'ens-unavailable'],
  ])('with HTTP %i and a code that nobody knows is %s', (status, expected) => {
    expect(classifyFault(fault({ apiCode: 'NobodyKnows.This', status }))).toBe(expected);
  });

  // Without a code it was not the API that answered, but something before it. Nothing is deleted because of that.
  test.each<[number, FaultClass]>([
    [0, 'ens-unavailable'],
    [200, 'ens-unavailable'],
    [302, 'ens-unavailable'],
    [400, 'ens-unavailable'],
    [403, 'ens-unavailable'],
    [404, 'ens-unavailable'],
    [429, 'ens-throttled'],
    [500, 'ens-unavailable'],
    [503, 'ens-unavailable'],
  ])('with HTTP %i and no code is %s', (status, expected) => {
    expect(classifyFault(fault({ apiCode: '', status }))).toBe(expected);
  });

  test.each<[NonNullable<ApiFault['failure']>['kind'], FaultClass]>([
    ['unreachable', 'ens-unavailable'],
    ['untrusted', 'network-untrusted'],
    ['proxy', 'proxy-refused'],
    ['too-large', 'ens-answer-invalid'],
  ])('on the way, %s, is %s, whatever else is known', (kind, expected) => {
    const failure = { kind, message: 'no' };
    expect(classifyFault(fault({ status: 0, failure }))).toBe(expected);
    expect(classifyFault(fault({ status: 403, apiCode: 'Forbidden.RAM', failure }))).toBe(expected);
  });
});

/** One failure of each class. */
const examples: Record<FaultClass, Partial<ApiFault>> = {
  'ens-unauthenticated': { apiCode: 'InvalidAccessKeyId.NotFound', status: 404 },
  'ens-not-allowed': { apiCode: 'Forbidden.RAM', status: 403 },
  'ens-cluster-not-found': { apiCode: 'InvalidClusterId.NotFound', status: 404 },
  'ens-clock-skew': { apiCode: 'InvalidTimeStamp.Expired' },
  'ens-throttled': { apiCode: 'Throttling.User' },
  'ens-unavailable': { apiCode: 'ServiceUnavailable', status: 503 },
  'ens-refused': { apiCode: 'MissingClusterId' },
  'ens-answer-invalid': { status: 200, failure: { kind: 'too-large', message: 'too large' } },
  'proxy-refused': { status: 0, failure: { kind: 'proxy', message: 'the proxy refuses' } },
  'network-untrusted': { status: 0, failure: { kind: 'untrusted', message: 'not trusted' } },
};
const allExamples = Object.entries(examples) as [FaultClass, Partial<ApiFault>][];

describe('the error for a failure', () => {
  test.each(allExamples)('is of its class: %s', (code, fields) => {
    const error = ensError(fault(fields), context, now);
    expect(error).toBeInstanceOf(EnsError);
    expect(error).toBeInstanceOf(EckError);
    expect(error).toMatchObject({ code, exitStatus: 1 });
  });

  test.each(allExamples)('holds the RequestId and what the API said: %s', (_, fields) => {
    const requestId = 'CEF72CEB-54B6-4AE8-B225-F876FF7BA984';
    const message = messageOf({ ...fields, message: 'In its own words.', requestId });
    expect(message).toContain(`RequestId ${requestId}`);
    expect(message).toContain('In its own words.');
    if (fields.apiCode !== undefined) expect(message).toContain(fields.apiCode);
  });

  test.each(allExamples)('says nothing of a RequestId where there is none: %s', (_, fields) => {
    expect(messageOf({ ...fields, message: 'no' })).not.toContain('RequestId');
  });

  test.each(allExamples)('is one line without control characters, whatever the API said: %s', (_, fields) => {
    const hostile = '\u001b[2J\nfake: line\r\u202e\u009b';
    const message = messageOf({
      ...fields,
      apiCode: fields.apiCode === undefined ? '' : `${fields.apiCode}.${hostile}`,
      message: hostile + 'x'.repeat(100_000),
      requestId: hostile + 'x'.repeat(100_000),
    });
    // eslint-disable-next-line no-control-regex
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(message.length).toBeLessThan(1000);
  });

  test.each<[FaultClass, readonly string[]]>([
    ['ens-unauthenticated', [context.identity, context.endpoint, '--profile', '--site international']],
    ['ens-not-allowed', [context.identity, context.ramAction, 'eck-0123abcd']],
    ['ens-cluster-not-found', [context.endpoint, 'eck-0123abcd', '--site international']],
    ['ens-clock-skew', ['clock']],
    ['ens-throttled', [context.endpoint]],
    ['ens-unavailable', [context.endpoint]],
    ['ens-refused', [context.endpoint, 'eck-0123abcd']],
    ['ens-answer-invalid', [context.endpoint]],
    ['proxy-refused', [context.endpoint]],
    ['network-untrusted', [context.endpoint]],
  ])('%s names what is needed to do something about it: %j', (code, parts) => {
    const message = messageOf(examples[code]);
    for (const part of parts) expect(message).toContain(part);
  });

  test.each(['ens-unauthenticated', 'ens-cluster-not-found'] as const)(
    '%s names no other site where an address was asked',
    (code) => {
      const { otherSite, ...of } = context;
      expect(otherSite).toBe('international');
      expect(ensError(fault(examples[code]), of, now).message).not.toContain('--site');
    },
  );

  test.each(allExamples)('makes sense without a cluster: %s', (_, fields) => {
    const { clusterId, ...of } = context;
    expect(clusterId).toBe('eck-0123abcd');
    expect(ensError(fault(fields), of, now).message).not.toMatch(/undefined|null|NaN/);
  });
});

describe('a clock that is off', () => {
  const apiCode = 'InvalidTimeStamp.Expired';

  test.each([
    ['2026-03-01T11:59:00Z', /60 s ahead/],
    ['2026-03-01T11:58:01Z', /119 s ahead/],
    ['2026-03-01T11:40:00Z', /20 min ahead/],
    ['2026-03-01T12:00:30Z', /30 s behind/],
    ['2026-03-01T12:20:00Z', /20 min behind/],
    ['2026-03-02T12:00:00Z', /1440 min behind/],
  ])('is told by how much, where the server has %s', (date, expected) => {
    expect(messageOf({ apiCode, serverDate: new Date(date) })).toMatch(expected);
  });

  test.each([{}, { serverDate: new Date(NaN) }])(
    'is told without a number where the server does not say: %j',
    (fields) => {
      const message = messageOf({ apiCode, ...fields });
      expect(message).toMatch(/clock .* too far/);
      expect(message).not.toMatch(/NaN|undefined/);
    },
  );
});

describe('how long the server wants to be left alone', () => {
  test.each([
    [undefined, undefined],
    ['0', 0],
    ['7', 7000],
    [' 7 ', 7000],
    ['120', 120_000],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Mar 2026 12:00:00 GMT', 0],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('is read from %j as %j ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });

  test('is not known where the time is not known', () => {
    expect(parseRetryAfter('Sun, 01 Mar 2026 12:00:30 GMT', new Date(NaN))).toBeUndefined();
  });

  test('is with the error', () => {
    expect(ensError(fault({ apiCode: 'Throttling', retryAfter: '3' }), context, now).retryAfterMs).toBe(3000);
    expect(ensError(fault({ apiCode: 'Throttling' }), context, now).retryAfterMs).toBeUndefined();
  });

  test('is counted by the clock of the server where it is a date', () => {
    const fields = {
      apiCode: 'Throttling',
      retryAfter: 'Sun, 01 Mar 2026 12:30:30 GMT',
      serverDate: new Date('2026-03-01T12:30:00Z'),
    };
    expect(ensError(fault(fields), context, now).retryAfterMs).toBe(30_000);
  });
});
