import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { resolveEndpoint } from '../src/endpoint.js';
import {
  argumentsOf,
  formatDuration,
  isClusterId,
  parseClusterId,
  parseDuration,
  readSettings,
  settingFlags,
  variableOf,
  type SettingFlag,
  type SettingTexts,
} from '../src/settings.js';
import { holds, isPrintable, outcomeOf } from './fuzz/property.js';
import { anyText, words } from './fuzz/values.js';

const role = 'acs:ram::123456789012:role/edge';
const defaults = readSettings({}, {});
const address = (host: string) => ({ endpoint: { kind: 'address', address: host } });
const site = (name: string) => ({ endpoint: { kind: 'site', site: name } });

function usage(...parts: readonly string[]): Error {
  const message = expect.stringMatching(parts.map((part) => part.replaceAll('.', '\\.')).join('.*'));
  return expect.objectContaining({ code: 'usage', message }) as unknown as Error;
}

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('there was no error');
}

/** Texts that must not reach a terminal as they are. */
const dangerous = ['a\u001b[2Jb\u009b\u202e\n', `a ${'b'.repeat(10_000)}`];

test('settings have defaults', () => {
  expect(defaults).toEqual({
    profile: undefined,
    roleArn: undefined,
    endpoint: { kind: 'default' },
    store: 'auto',
    maxAgeMs: 43_200_000,
    timeoutMs: 20_000,
  });
});

/** Two values of each flag and what they set. */
const effects: Record<SettingFlag, readonly [string, object, string, object]> = {
  profile: ['work', { profile: 'work' }, 'home', { profile: 'home' }],
  'role-arn': [role, { roleArn: role }, `${role}-2`, { roleArn: `${role}-2` }],
  endpoint: ['one.example.com', address('one.example.com'), 'two.example.com', address('two.example.com')],
  site: ['china', site('china'), 'international', site('international')],
  store: ['file', { store: 'file' }, 'none', { store: 'none' }],
  'max-age': ['1h', { maxAgeMs: 3_600_000 }, '2h', { maxAgeMs: 7_200_000 }],
  timeout: ['1s', { timeoutMs: 1000 }, '2s', { timeoutMs: 2000 }],
};

describe.each(settingFlags)('--%s', (flag) => {
  const [typed, result, text, other] = effects[flag];
  const variable = variableOf(flag);

  test('comes from the flag, else from its variable, unless that is empty', () => {
    expect(variable).toBe(`KUBECTL_ECK_${flag.toUpperCase().replace('-', '_')}`);
    for (const value of [undefined, '', text, '?']) {
      expect(readSettings({ [flag]: typed }, { [variable]: value })).toEqual({ ...defaults, ...result });
    }
    expect(readSettings({}, { [variable]: text })).toEqual({ ...defaults, ...other });
    expect(readSettings({}, { [variable]: '' })).toEqual(defaults);
  });

  test('is wrong usage if it is empty', () => {
    expect(() => readSettings({ [flag]: '' }, {})).toThrow(usage(`--${flag}`));
  });

  test('names its source in one short line if it is wrong', () => {
    // Every text may be the name of a profile.
    for (const wrong of flag === 'profile' ? [] : ['? ?', ...dangerous]) {
      for (const [source, read] of [
        [`--${flag}`, () => readSettings({ [flag]: wrong }, {})],
        [variable, () => readSettings({}, { [variable]: wrong })],
      ] as const) {
        expect(read).toThrow(usage(`^${source}`));
        expect(isPrintable(messageOf(read))).toBe(true);
        expect(messageOf(read).length).toBeLessThan(300);
      }
    }
  });
});

test.each(['Keychain', 'file ', 'disk', 'toString'])('the store %j is not known', (store) => {
  expect(() => readSettings({ store }, {})).toThrow(usage('auto, keychain, kernel, file, none'));
});

test.each(['', 'China', 'china ', 'cn', 'constructor', 'all'])('the site %j is not known', (site) => {
  expect(() => readSettings({ site }, {})).toThrow(usage('china, international'));
});

test.each(['acs:ram::1:role/a', 'acs:ram::1234567890123456:role/Role-2_x.y@z'])('%s is a role', (roleArn) => {
  expect(readSettings({ 'role-arn': roleArn }, {})).toMatchObject({ roleArn });
});

test.each([
  ...['edge', 'arn:aws:iam::1:role/edge', 'acs:ram::1:user/edge', 'acs:ram:::role/edge', ` ${role}`],
  ...['acs:ram::abc:role/edge', 'acs:ram::1:role/', 'acs:ram::1:role/a b', 'acs:ram::1:role/a\n'],
])('%j is not a role', (roleArn) => {
  expect(() => readSettings({ 'role-arn': roleArn }, {})).toThrow(usage('--role-arn'));
});

describe('the endpoint', () => {
  const region = (id: string) => ({ ALIBABA_CLOUD_REGION_ID: id });
  const endpointVariable = { KUBECTL_ECK_ENDPOINT: 'two.example.com' };
  const siteVariable = { KUBECTL_ECK_SITE: 'china' };
  const one = 'one.example.com';
  test.each<[SettingTexts, Record<string, string>, object]>([
    [{ endpoint: one }, { ...siteVariable, ...region('eu-central-1') }, address(one)],
    [{ site: 'international' }, endpointVariable, site('international')],
    [{ site: 'international' }, region('cn-hangzhou'), site('international')],
    [{}, { ...endpointVariable, ...siteVariable }, address('two.example.com')],
    [{}, { ...siteVariable, ...region('eu-central-1') }, site('china')],
    [{}, region('cn-hangzhou'), site('china')],
    [{}, region('eu-central-1'), site('international')],
    [{}, { ALICLOUD_REGION_ID: 'eu-central-1' }, site('international')],
    [{}, { ALICLOUD_REGION_ID: 'eu-central-1', ALIBABACLOUD_REGION_ID: 'cn-hangzhou' }, site('china')],
    [{}, { ...region('eu-central-1'), ALIBABACLOUD_REGION_ID: 'cn-hangzhou' }, site('international')],
    [{}, { REGION_ID: 'eu-central-1', REGION: 'eu-central-1' }, { endpoint: { kind: 'default' } }],
    [{}, region(''), { endpoint: { kind: 'default' } }],
  ])('of %j and %j is %j', (typed, environment, expected) => {
    expect(readSettings(typed, environment)).toMatchObject(expected);
  });

  test('and the site cannot both be typed', () => {
    expect(() => readSettings({ endpoint: one, site: 'china' }, {})).toThrow(usage('--endpoint', '--site'));
  });
});

test.each(['eck-0123abcd', 'e', '7', 'ECK_1', 'a--b', 'x'.repeat(63)])('%s is a cluster id', (text) => {
  expect(parseClusterId(text)).toBe(text);
  expect(isClusterId(text)).toBe(true);
});

test.each([
  ...['', ' ', 'eck-1 ', 'eck-1\n', 'eck 1', '-eck', 'eck-', '_eck', 'eck_', '.', '..', '../eck-1', 'eck/1'],
  ...['eck\\1', 'eck.1', 'eck:1', 'eck@1', 'eck%31', 'eck&PrivateIpAddress=true', 'eck\0', 'eck-ü', '集群'],
  ...['--help', 'x'.repeat(64), ...dangerous],
])('%# is not a cluster id', (text) => {
  expect(isClusterId(text)).toBe(false);
  const message = messageOf(() => parseClusterId(text));
  expect(message).toContain('cluster id');
  expect(isPrintable(message)).toBe(true);
  expect(message.length).toBeLessThan(200);
});

test.each([
  ['1ms', 1],
  ['1.5s', 1500],
  ['2m', 120_000],
  ['12h', 43_200_000],
  ['1h2m3s4ms', 3_723_004],
  ['90m', 5_400_000],
  ['30s1m', 90_000],
  ['0h5s', 5000],
  ['596h', 2_145_600_000],
])('%s is a duration of %i ms', (text, milliseconds) => {
  expect(parseDuration('--timeout', text)).toBe(milliseconds);
});

test.each([
  ...['', '0', '0s', '0h0m', '10', '10 s', ' 10s', '10s ', '10s\n', '-5s', '+5s', '5S'],
  ...['5sec', '1d', '1h30', 's'],
  ...['.5s', '5.s', '1e3s', '1,5s', '1h 30m', 'Infinity', 'NaNs', '∞', '597h', '99999999999999999999h'],
  // More than a timer can wait.
  '2147483648ms',
])('%j is not a duration', (text) => {
  expect(() => parseDuration('--timeout', text)).toThrow(usage('--timeout'));
});

test('any text is a setting, or wrong usage', () => {
  const odd = fc.constantFrom(
    ...['http://127.1', 'http://0x7f.1', 'http://127.0.0.1@a.b', 'HTTP://', '//', '1ms'.repeat(2000)],
  );
  const text = fc.oneof(
    anyText,
    odd,
    fc.webUrl(),
    fc.tuple(fc.nat(), words('ms s m h')).map((parts) => parts.join('')),
  );
  holds(fc.tuple(fc.constantFrom(...settingFlags), text), ([flag, typed]) => {
    const { value } = outcomeOf(['usage'], () => readSettings({ [flag]: typed }, {}));
    if (value === undefined) return;
    // A longer timer fires at once.
    for (const ms of [value.maxAgeMs, value.timeoutMs]) expect(ms > 0 && ms < 2 ** 31).toBe(true);
    const { protocol, host } = resolveEndpoint(value.endpoint);
    const url = new URL(`${protocol}://${host}`);
    expect(url.host).toBe(host);
    if (protocol === 'http') expect(url.hostname).toMatch(/^(?:localhost|127\.[\d.]+|\[::1\])$/);
  });
});

test('a duration is formatted as it is parsed', () => {
  expect([1, 1500, 10_000].map(formatDuration)).toEqual(['1ms', '1500ms', '10s']);
  holds(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (milliseconds) => {
    expect(parseDuration('--timeout', formatDuration(milliseconds))).toBe(milliseconds);
  });
});

test('a default is an argument only where a variable would change it', () => {
  const environment = { KUBECTL_ECK_STORE: 'file', KUBECTL_ECK_MAX_AGE: '1h' };
  const settings = readSettings({ store: 'auto', 'max-age': '12h' }, environment);
  expect(argumentsOf(settings, environment)).toEqual(['--store', 'auto', '--max-age', '43200s']);
  expect(argumentsOf(settings)).toEqual([]);
  expect(argumentsOf(settings, { KUBECTL_ECK_STORE: 'auto', KUBECTL_ECK_MAX_AGE: '12h' })).toEqual([]);
});
