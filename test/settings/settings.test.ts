import { describe, expect, test } from '@jest/globals';
import {
  readSettings,
  settingFlags,
  settingText,
  variableOf,
  type SettingFlag,
  type SettingTexts,
} from '../../src/settings.js';

const role = 'acs:ram::123456789012:role/edge';

describe('the variable of a flag', () => {
  test.each([
    ['profile', 'KUBECTL_ECK_PROFILE'],
    ['cluster-id', 'KUBECTL_ECK_CLUSTER_ID'],
    ['keep-current-context', 'KUBECTL_ECK_KEEP_CURRENT_CONTEXT'],
  ])('%s is %s', (flag, variable) => {
    expect(variableOf(flag)).toBe(variable);
  });
});

describe('the text of a flag', () => {
  test.each([
    ['typed', 'typed', 'variable', 'typed'],
    ['typed, though empty', '', 'variable', ''],
    ['the variable', undefined, 'variable', 'variable'],
    ['none where the variable is empty', undefined, '', undefined],
    ['none where there is neither', undefined, undefined, undefined],
  ])('is %s', (_, typed, variable, expected) => {
    expect(settingText('cluster-id', typed, { KUBECTL_ECK_CLUSTER_ID: variable })).toBe(expected);
  });
});

describe('settings', () => {
  test('have defaults', () => {
    expect(readSettings({}, {})).toEqual({
      profile: undefined,
      roleArn: undefined,
      endpoint: { kind: 'default' },
      store: 'auto',
      maxAgeMs: 43_200_000,
      timeoutMs: 20_000,
      connectTimeoutMs: 5000,
      readTimeoutMs: 10_000,
    });
  });

  /** What each flag does, by two values of it. */
  const effects: Record<SettingFlag, { typed: string; variable: string; result: object; other: object }> = {
    profile: { typed: 'work', variable: 'home', result: { profile: 'work' }, other: { profile: 'home' } },
    'role-arn': {
      typed: role,
      variable: `${role}-2`,
      result: { roleArn: role },
      other: { roleArn: `${role}-2` },
    },
    endpoint: {
      typed: 'one.example.com',
      variable: 'two.example.com',
      result: { endpoint: { kind: 'address', address: 'one.example.com' } },
      other: { endpoint: { kind: 'address', address: 'two.example.com' } },
    },
    site: {
      typed: 'china',
      variable: 'international',
      result: { endpoint: { kind: 'site', site: 'china' } },
      other: { endpoint: { kind: 'site', site: 'international' } },
    },
    store: { typed: 'file', variable: 'none', result: { store: 'file' }, other: { store: 'none' } },
    'max-age': {
      typed: '1h',
      variable: '2h',
      result: { maxAgeMs: 3_600_000 },
      other: { maxAgeMs: 7_200_000 },
    },
    timeout: { typed: '1s', variable: '2s', result: { timeoutMs: 1000 }, other: { timeoutMs: 2000 } },
    'connect-timeout': {
      typed: '1s',
      variable: '2s',
      result: { connectTimeoutMs: 1000 },
      other: { connectTimeoutMs: 2000 },
    },
    'read-timeout': {
      typed: '1s',
      variable: '2s',
      result: { readTimeoutMs: 1000 },
      other: { readTimeoutMs: 2000 },
    },
  };

  describe.each(settingFlags)('take --%s', (flag) => {
    const { typed, variable, result, other } = effects[flag];
    const defaults = readSettings({}, {});

    test('from the flag', () => {
      expect(readSettings({ [flag]: typed }, {})).toEqual({ ...defaults, ...result });
    });

    test('from its variable', () => {
      expect(readSettings({}, { [variableOf(flag)]: variable })).toEqual({ ...defaults, ...other });
    });

    test('from the flag rather than from its variable', () => {
      expect(readSettings({ [flag]: typed }, { [variableOf(flag)]: variable })).toEqual({
        ...defaults,
        ...result,
      });
    });

    test('from the flag, though its variable makes no sense', () => {
      expect(readSettings({ [flag]: typed }, { [variableOf(flag)]: '?' })).toEqual({
        ...defaults,
        ...result,
      });
    });

    test('as not given where its variable is empty', () => {
      expect(readSettings({}, { [variableOf(flag)]: '' })).toEqual(defaults);
    });

    test('as wrong usage where it is given and empty', () => {
      expect(() => readSettings({ [flag]: '' }, {})).toThrow(
        expect.objectContaining({ code: 'usage', message: expect.stringContaining(`--${flag}`) }),
      );
    });
  });

  test.each([...settingFlags.filter((flag) => flag !== 'profile')])('refuse nonsense in --%s', (flag) => {
    const refusal = expect.objectContaining({ code: 'usage', message: expect.stringContaining(`--${flag}`) });
    expect(() => readSettings({ [flag]: '? ?' }, {})).toThrow(refusal);
    expect(() => readSettings({}, { [variableOf(flag)]: '? ?' })).toThrow(refusal);
  });

  test.each(['auto', 'keychain', 'kernel', 'file', 'none'] as const)('know the store %s', (store) => {
    expect(readSettings({ store }, {})).toMatchObject({ store });
  });

  test.each(['Keychain', 'file ', 'disk', 'toString'])('do not know the store %j', (store) => {
    expect(() => readSettings({ store }, {})).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringContaining('auto, keychain, kernel, file, none'),
      }),
    );
  });

  test.each([role, 'acs:ram::1:role/a', 'acs:ram::1234567890123456:role/AliyunECKRole-2_x.y@z'])(
    'know the role %s',
    (roleArn) => {
      expect(readSettings({ 'role-arn': roleArn }, {})).toMatchObject({ roleArn });
    },
  );

  test.each([
    'edge',
    'arn:aws:iam::123456789012:role/edge',
    'acs:ram::123456789012:user/edge',
    'acs:ram:::role/edge',
    'acs:ram::abc:role/edge',
    'acs:ram::123456789012:role/',
    'acs:ram::123456789012:role/a b',
    'acs:ram::123456789012:role/a\n',
    ' acs:ram::123456789012:role/a',
  ])('do not know the role %j', (roleArn) => {
    expect(() => readSettings({ 'role-arn': roleArn }, {})).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });

  test.each(['store', 'role-arn', 'timeout', 'site'] as const)(
    'refuse a --%s in one short line without control characters',
    (flag) => {
      for (const text of ['a\u001b[2Jb\u009b\u202e\n', 'a'.repeat(10_000)]) {
        let message = '';
        try {
          readSettings({ [flag]: text }, {});
        } catch (error) {
          ({ message } = error as Error);
        }
        expect(message).toContain(`--${flag}`);
        // eslint-disable-next-line no-control-regex
        expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
        expect(message.length).toBeLessThan(600);
      }
    },
  );
});

describe('the endpoint of the settings', () => {
  const one = { kind: 'address', address: 'one.example.com' };
  const two = { kind: 'address', address: 'two.example.com' };
  const china = { kind: 'site', site: 'china' };
  const international = { kind: 'site', site: 'international' };

  test('is wrong usage where both an endpoint and a site are typed', () => {
    expect(() => readSettings({ endpoint: 'one.example.com', site: 'china' }, {})).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(/--endpoint.*--site/) }),
    );
  });

  test.each<[string, SettingTexts, Record<string, string>, object]>([
    [
      'the endpoint that is typed, not the site of a variable',
      { endpoint: 'one.example.com' },
      { KUBECTL_ECK_SITE: 'china' },
      one,
    ],
    [
      'the site that is typed, not the endpoint of a variable',
      { site: 'china' },
      { KUBECTL_ECK_ENDPOINT: 'two.example.com' },
      china,
    ],
    [
      'the endpoint of two variables',
      {},
      { KUBECTL_ECK_ENDPOINT: 'two.example.com', KUBECTL_ECK_SITE: 'china' },
      two,
    ],
    ['the site of a region in China', {}, { ALIBABA_CLOUD_REGION_ID: 'cn-hangzhou' }, china],
    ['the site of a region elsewhere', {}, { ALIBABA_CLOUD_REGION_ID: 'eu-central-1' }, international],
    ['unknown where the region is empty', {}, { ALIBABA_CLOUD_REGION_ID: '' }, { kind: 'default' }],
    [
      'the site that is typed, not that of the region',
      { site: 'china' },
      { ALIBABA_CLOUD_REGION_ID: 'eu-central-1' },
      china,
    ],
    [
      'the site of its variable, not that of the region',
      {},
      { KUBECTL_ECK_SITE: 'china', ALIBABA_CLOUD_REGION_ID: 'eu-central-1' },
      china,
    ],
    [
      'the endpoint, not the site of the region',
      { endpoint: 'one.example.com' },
      { ALIBABA_CLOUD_REGION_ID: 'eu-central-1' },
      one,
    ],
  ])('is %s', (_, typed, environment, endpoint) => {
    expect(readSettings(typed, environment).endpoint).toEqual(endpoint);
  });
});
