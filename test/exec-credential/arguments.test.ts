import { Command, Option } from 'commander';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addSettingOptions, typedSettings, typedText } from '../../src/commands/options.js';
import { readExecArguments, type ExecArguments } from '../../src/exec-credential/arguments.js';
import { readSettings, settingFlags } from '../../src/settings.js';

const byKubectl = { KUBERNETES_EXEC_INFO: '{}' };

describe('a command line that kubectl waits for', () => {
  test.each<[string, ExecArguments]>([
    ['exec-credential', { clusterId: undefined, settings: {} }],
    ['exec-credential --cluster-id eck-1', { clusterId: 'eck-1', settings: {} }],
    ['exec-credential --cluster-id=eck-1', { clusterId: 'eck-1', settings: {} }],
    ['exec-credential --cluster-id=', { clusterId: '', settings: {} }],
    ['exec-credential --profile a=b --cluster-id=c=d', { clusterId: 'c=d', settings: { profile: 'a=b' } }],
    ['exec-credential --profile --site', { clusterId: undefined, settings: { profile: '--site' } }],
    [
      'exec-credential --cluster-id eck-1 --profile work --endpoint ens.example.com --site=china --store file',
      {
        clusterId: 'eck-1',
        settings: { profile: 'work', endpoint: 'ens.example.com', site: 'china', store: 'file' },
      },
    ],
  ])('%s is understood', (line, expected) => {
    expect(readExecArguments(line.split(' '), {})).toEqual(expected);
    expect(readExecArguments(line.split(' '), byKubectl)).toEqual(expected);
  });

  test.each(settingFlags)('can have --%s', (flag) => {
    const expected = { clusterId: undefined, settings: { [flag]: 'x' } };
    expect(readExecArguments(['exec-credential', `--${flag}`, 'x'], {})).toEqual(expected);
    expect(readExecArguments(['exec-credential', `--${flag}=x`], {})).toEqual(expected);
  });

  test('keeps values as they were typed, with blanks and line feeds', () => {
    expect(readExecArguments(['exec-credential', '--profile', ' a\nb '], {})).toEqual({
      clusterId: undefined,
      settings: { profile: ' a\nb ' },
    });
  });
});

describe('get-credentials', () => {
  test.each<[string, ExecArguments]>([
    ['get-credentials', { clusterId: undefined, settings: {} }],
    ['get-credentials eck-1', { clusterId: 'eck-1', settings: {} }],
    ['get-credentials --cluster-id eck-1', { clusterId: 'eck-1', settings: {} }],
    ['get-credentials --profile work eck-1', { clusterId: 'eck-1', settings: { profile: 'work' } }],
    ['get-credentials eck-1 --profile work', { clusterId: 'eck-1', settings: { profile: 'work' } }],
  ])('is a request where kubectl runs it: %s', (line, expected) => {
    expect(readExecArguments(line.split(' '), byKubectl)).toEqual(expected);
  });

  test.each([{}, { KUBERNETES_EXEC_INFO: '' }, { KUBERNETES_EXEC_INFO: undefined }])(
    'is a command for a person with the environment %j',
    (environment) => {
      expect(readExecArguments(['get-credentials', 'eck-1'], environment)).toBeUndefined();
    },
  );
});

describe('left to the command line proper is', () => {
  test.each([
    '',
    'help',
    '--help',
    '--version',
    'version',
    'list',
    'exec-credentials',
    'Exec-Credential',
    '--cluster-id eck-1 exec-credential',
    'exec-credential --help',
    'exec-credential -h',
    'exec-credential help',
    'exec-credential eck-1',
    'exec-credential --cluster-id',
    'exec-credential --cluster-id eck-1 --profile',
    'exec-credential --cluster-id eck-1 --cluster-id eck-2',
    'exec-credential --profile a --profile=b',
    'exec-credential --cluster-id eck-1 --verbose',
    'exec-credential --Cluster-Id eck-1',
    'exec-credential --cluster eck-1',
    'exec-credential --=x',
    'exec-credential --',
    'exec-credential -- --cluster-id eck-1',
    'exec-credential --__proto__ x',
    'exec-credential --constructor=x',
  ])('%j', (line) => {
    const args = line.split(' ').filter(Boolean);
    expect(readExecArguments(args, {})).toBeUndefined();
    expect(readExecArguments(args, byKubectl)).toBeUndefined();
  });

  test.each([
    'get-credentials eck-1 eck-2',
    'get-credentials eck-1 --cluster-id eck-1',
    'get-credentials --cluster-id eck-1 eck-1',
    'get-credentials -h',
    'get-credentials --help',
    'get-credentials eck-1 --print',
    'get-credentials --context edge eck-1',
  ])('%j, also where kubectl runs it', (line) => {
    expect(readExecArguments(line.split(' '), byKubectl)).toBeUndefined();
  });
});

describe('the command line proper', () => {
  test('understands all that is understood without it, and in the same way', () => {
    const flag = fc.constantFrom('cluster-id', ...settingFlags);
    const value = fc.constantFrom(
      'x',
      'china',
      'none',
      'eck-1',
      '',
      'a=b',
      '--site',
      '-h',
      '--',
      ' ',
      '--profile=x',
    );
    const words = fc
      .tuple(flag, value, fc.boolean())
      .map(([name, text, isOne]) => (isOne ? [`--${name}=${text}`] : [`--${name}`, text]));
    fc.assert(
      fc.property(fc.array(words, { maxLength: 5 }), (parts) => {
        const args = parts.flat();
        const understood = readExecArguments(['exec-credential', ...args], {});
        if (understood === undefined) return;
        const command = new Command().addOption(new Option('--cluster-id <ID>')).exitOverride();
        try {
          addSettingOptions(command).parse(args, { from: 'user' });
        } catch (error) {
          // What is not among the choices is refused in both ways: here at once, there where it is read.
          expect(error).toMatchObject({ code: 'usage' });
          expect(() => readSettings(understood.settings, {})).toThrow(
            expect.objectContaining({ code: 'usage' }),
          );
          return;
        }
        expect({ clusterId: typedText(command, 'cluster-id'), settings: typedSettings(command) }).toEqual(
          understood,
        );
      }),
      { numRuns: 500 },
    );
  });
});
