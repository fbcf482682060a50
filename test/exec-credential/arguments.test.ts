import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EckCommand } from '../../src/commands/options.js';
import { readExecArguments } from '../../src/exec-credential/arguments.js';
import { readSettings, settingFlags } from '../../src/settings.js';
import { holds } from '../fuzz/property.js';

const byKubectl = { KUBERNETES_EXEC_INFO: '{}' };
const read = (line: string, environment = {}) => readExecArguments(line.split(' ').filter(Boolean), environment);

describe('a request', () => {
  test.each<[string, object]>([
    ['exec-credential', { settings: {} }],
    ['exec-credential --cluster-id eck-1', { clusterId: 'eck-1', settings: {} }],
    ['exec-credential --cluster-id=', { clusterId: '', settings: {} }],
    ['exec-credential --profile a=b --cluster-id=c=d', { clusterId: 'c=d', settings: { profile: 'a=b' } }],
    ['exec-credential --profile --site', { settings: { profile: '--site' } }],
    ['exec-credential --site=china --store file', { settings: { site: 'china', store: 'file' } }],
    ['exec-credential --exec-api-version=v1beta1', { execApiVersion: 'v1beta1', settings: {} }],
    ['exec-credential --connect-timeout 1s --read-timeout=2s', { settings: {} }],
  ])('is read: %s', (line, expected) => {
    expect(read(line)).toEqual(expected);
    expect(read(line, byKubectl)).toEqual(expected);
  });

  test.each<[string, string | undefined, object]>([
    ['get-credentials', undefined, {}],
    ['get-credentials --cluster-id eck-1', 'eck-1', {}],
    ['get-credentials --profile work eck-1', 'eck-1', { profile: 'work' }],
    ['get-credentials eck-1 --profile work', 'eck-1', { profile: 'work' }],
  ])('is %s, if kubectl runs it', (line, clusterId, settings) => {
    expect(read(line, byKubectl)).toEqual({ clusterId, settings });
    expect(read(line)).toBeUndefined();
    expect(read(line, { KUBERNETES_EXEC_INFO: '' })).toBeUndefined();
  });
});

test.each([
  ...['', 'help', '--help', 'version', 'exec-credentials', 'Exec-Credential', '--profile x exec-credential'],
  ...[
    ...['--help', '-h', 'help', 'eck-1', '--cluster-id', '--cluster-id eck-1 --profile', '--=x', '--'],
    ...['--profile a --profile=b', '--verbose', '--Cluster-Id x', '--cluster x', '-- --cluster-id x'],
    ...['--__proto__ x', '--constructor=x'],
  ].map((rest) => `exec-credential ${rest}`),
  ...['a b', 'a --cluster-id a', '--cluster-id a a', '-h', 'a --print', '--context edge a'].map(
    (rest) => `get-credentials ${rest}`,
  ),
])('%j is left to the command line', (line) => {
  expect(read(line)).toBeUndefined();
  expect(read(line, byKubectl)).toBeUndefined();
});

test('the command line reads the same', () => {
  const flag = fc.constantFrom('cluster-id', ...settingFlags);
  const value = fc.constantFrom('x', 'china', 'none', '', 'a=b', '--site', '-h', '--', ' a\nb ', '--profile=x');
  const words = fc
    .tuple(flag, value, fc.boolean())
    .map(([name, text, isOne]) => (isOne ? [`--${name}=${text}`] : [`--${name}`, text]));
  holds(fc.array(words, { maxLength: 5 }), (parts) => {
    const args = parts.flat();
    const request = readExecArguments(['exec-credential', ...args], {});
    if (request === undefined) return;
    const command = new EckCommand().option('--cluster-id <ID>').addSettingOptions().exitOverride();
    try {
      command.parse(args, { from: 'user' });
    } catch (error) {
      // A wrong choice is refused by both: here at once, there by readSettings.
      const usage = expect.objectContaining({ code: 'usage' });
      expect(error).toEqual(usage);
      expect(() => readSettings(request.settings, {})).toThrow(usage);
      return;
    }
    const clusterId = command.textOption('cluster-id');
    expect({ clusterId, settings: command.typedSettings() }).toEqual(request);
  });
});
