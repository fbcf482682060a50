import { Argument, Command, Option } from 'commander';
import { describe, expect, test } from '@jest/globals';
import {
  addSettingOptions,
  switchOption,
  textOption,
  typedSettings,
  typedText,
  withChoices,
  withVariable,
} from '../../src/commands/options.js';
import { formatDuration } from '../../src/settings.js';
import { readSettings, settingFlags, variableOf } from '../../src/settings.js';

function parsed(args: readonly string[]): Command {
  const command = new Command()
    .exitOverride()
    .addOption(new Option('--context <NAME>', 'name it'))
    .addOption(new Option('--exec-api-version <VERSION>', 'version').default('v1'))
    .addOption(new Option('--private-ip', 'private'));
  return addSettingOptions(command).parse(args, { from: 'user' });
}

describe('the options that every command has in common', () => {
  test('are those of the settings', () => {
    const options = addSettingOptions(new Command()).options.map(({ long }) => long);
    expect(options.sort()).toEqual(settingFlags.map((flag) => `--${flag}`).sort());
  });

  test('all take a value', () => {
    for (const option of addSettingOptions(new Command()).options) expect(option.required).toBe(true);
  });

  test('show the variable that stands for them', () => {
    const help = addSettingOptions(new Command()).helpInformation();
    for (const flag of settingFlags) expect(help).toContain(`[$${variableOf(flag)}]`);
  });

  test('show the defaults that the settings have', () => {
    const defaults = readSettings({}, {});
    const shown: Record<string, unknown> = Object.fromEntries(
      addSettingOptions(new Command()).options.map(({ long, defaultValue }): [string, unknown] => [
        String(long),
        defaultValue,
      ]),
    );
    expect(readSettings({ 'max-age': String(shown['--max-age']) }, {}).maxAgeMs).toBe(defaults.maxAgeMs);
    expect(shown).toMatchObject({
      '--store': defaults.store,
      '--timeout': formatDuration(defaults.timeoutMs),
      '--connect-timeout': formatDuration(defaults.connectTimeoutMs),
      '--read-timeout': formatDuration(defaults.readTimeoutMs),
    });
  });
});

describe('the settings that were typed', () => {
  test('are none where none were, though defaults are shown', () => {
    expect(typedSettings(parsed([]))).toEqual({});
  });

  test.each(settingFlags)('hold --%s where it was', (flag) => {
    const text =
      parsed([])
        .options.find(({ long }) => long === `--${flag}`)
        ?.argChoices?.at(-1) ?? 'x';
    expect(typedSettings(parsed([`--${flag}`, text]))).toEqual({ [flag]: text });
  });

  test('hold what is empty', () => {
    expect(typedSettings(parsed(['--profile='])).profile).toBe('');
  });

  test('hold a value that is the default', () => {
    expect(typedSettings(parsed(['--store', 'auto']))).toEqual({ store: 'auto' });
  });

  test('hold nothing else', () => {
    expect(typedSettings(parsed(['--context', 'edge', '--private-ip', '--site', 'china']))).toEqual({
      site: 'china',
    });
  });
});

describe('the text of an option', () => {
  test.each([
    ['typed', ['--context', 'edge'], 'edge'],
    ['typed after an equals sign', ['--context=edge'], 'edge'],
    ['not there', [], undefined],
  ])('is %s', (_, args, text) => {
    expect(typedText(parsed(args), 'context')).toBe(text);
  });

  test('is not its default, which nobody typed', () => {
    expect(typedText(parsed([]), 'exec-api-version')).toBeUndefined();
    expect(typedText(parsed(['--exec-api-version', 'v1beta1']), 'exec-api-version')).toBe('v1beta1');
  });

  test('is none for a switch', () => {
    expect(typedText(parsed(['--private-ip']), 'private-ip')).toBeUndefined();
  });

  test.each([
    ['what was typed', ['--exec-api-version', 'v1'], { KUBECTL_ECK_EXEC_API_VERSION: 'v1beta1' }, 'v1'],
    ['its variable', [], { KUBECTL_ECK_EXEC_API_VERSION: 'v1beta1' }, 'v1beta1'],
    ['none where the variable is empty', [], { KUBECTL_ECK_EXEC_API_VERSION: '' }, undefined],
    ['none where there is neither', [], {}, undefined],
  ])('with its variable is %s', (_, args, environment, text) => {
    expect(textOption(parsed(args), 'exec-api-version', environment)).toBe(text);
  });
});

describe('a switch', () => {
  test.each(['true', 'TRUE', 'True', '1', 'yes', 'Yes'])('is on with its variable %s', (text) => {
    expect(switchOption(parsed([]), 'private-ip', { KUBECTL_ECK_PRIVATE_IP: text })).toBe(true);
  });

  test.each([undefined, '', 'false', 'False', '0', 'no', 'NO'])('is off with its variable %s', (text) => {
    expect(switchOption(parsed([]), 'private-ip', { KUBECTL_ECK_PRIVATE_IP: text })).toBe(false);
  });

  test('is on where it was typed, whatever its variable says', () => {
    for (const text of ['false', 'nonsense']) {
      expect(switchOption(parsed(['--private-ip']), 'private-ip', { KUBECTL_ECK_PRIVATE_IP: text })).toBe(
        true,
      );
    }
  });

  test.each(['2', 'on', 'off', ' true', 'y', '\u001b[31m\u009b\u202e'])(
    'is wrong usage with its variable %j',
    (text) => {
      expect(() => switchOption(parsed([]), 'private-ip', { KUBECTL_ECK_PRIVATE_IP: text })).toThrow(
        expect.objectContaining({
          code: 'usage',
          message: expect.stringMatching(/^[^\p{Cc}\u202e]*KUBECTL_ECK_PRIVATE_IP[^\p{Cc}\u202e]*$/u),
        }),
      );
    },
  );
});

describe('an option with its variable', () => {
  test('tells the variable after what it does', () => {
    expect(withVariable(new Option('--keep-current-context', 'do not switch')).description).toBe(
      'do not switch [$KUBECTL_ECK_KEEP_CURRENT_CONTEXT]',
    );
  });

  test('tells it by the long name where there is a short one too', () => {
    expect(withVariable(new Option('-n, --namespace <NAME>', 'start in')).description).toBe(
      'start in [$KUBECTL_ECK_NAMESPACE]',
    );
  });
});

describe('choices', () => {
  const command = (): Command =>
    new Command()
      .exitOverride()
      .addOption(
        withChoices(new Option('-o, --output <FORMAT>', 'print as'), ['json', 'yaml']).default('json'),
      )
      .addArgument(withChoices(new Argument('[SHELL]', 'shell'), ['bash']));

  test.each([[['-o', 'yaml']], [['--output=json', 'bash']]])('are taken: %j', (args) => {
    expect(() => command().parse(args, { from: 'user' })).not.toThrow();
  });

  test.each([
    [['-o', 'xml'], '--output "xml" is not one of json, yaml'],
    [['--output='], '--output "" is not one of json, yaml'],
    [['tcsh'], 'SHELL "tcsh" is not one of bash'],
  ])('are the only ones: %j', (args, message) => {
    expect(() => command().parse(args, { from: 'user' })).toThrow(
      expect.objectContaining({ code: 'usage', message }),
    );
  });

  test('are shown', () => {
    const help = command().helpInformation();
    expect(help).toContain('choices: "json", "yaml"');
    expect(help).toContain('choices: "bash"');
  });
});
