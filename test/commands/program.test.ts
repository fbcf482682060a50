import { describe, expect, test } from '@jest/globals';
import { EckCommand } from '../../src/commands/options.js';
import { commandLineError, run } from '../../src/commands/program.js';
import { formatDuration, readSettings, settingFlags, variableOf } from '../../src/settings.js';
import { definitions, helpOf, parses, world } from './definitions.js';

const commands = definitions().commands.map((command) => [command.name(), command] as const);

describe.each(commands)('%s', (name, command) => {
  test('names the variable of each setting in help, and no variable of any other option', () => {
    for (const { long, description } of command.options) {
      const flag = settingFlags.find((setting) => long === `--${setting}`);
      expect([long, /\[\$(\w+)\]/.exec(description)?.[1]]).toEqual([long, flag && variableOf(flag)]);
    }
  });

  test('has help of at most 80 columns with examples that can be parsed', () => {
    const lines = helpOf(command).split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const examples = lines.flatMap((line) => /^ {2,}.*?\b(kubectl[ -]eck [^#>|)]*)/.exec(line)?.[1] ?? []);
    expect(examples.some((example) => new RegExp(`^kubectl[ -]eck ${name}\\b`).test(example))).toBe(true);
    for (const example of examples) {
      const args = example
        .replace(/^kubectl[ -]eck /, '')
        .trim()
        .split(/ +/);
      expect([example, parses(args)]).toEqual([example, true]);
    }
  });
});

test('help lists every command in its group, in at most 80 columns', () => {
  const help = definitions().helpInformation();
  for (const [name] of commands) expect(help).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  const headings = ['Every day:', 'Finding faults:', 'Run by kubectl:', 'Others:'];
  expect(help.match(/^\w[\w ]+:$/gm)).toEqual(['Options:', ...headings]);
  expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

describe('the settings', () => {
  const parsed = (args: readonly string[]) =>
    new EckCommand().addSettingOptions().exitOverride().parse(args, { from: 'user' });

  test('are options that show the real defaults', () => {
    const { options } = new EckCommand().addSettingOptions();
    expect(options.map(({ long }) => long).sort()).toEqual(settingFlags.map((flag) => `--${flag}`).sort());
    const defaults = readSettings({}, {});
    const shown = new Map(options.map(({ long, defaultValue }) => [long, defaultValue as unknown]));
    expect(readSettings({ 'max-age': String(shown.get('--max-age')) }, {}).maxAgeMs).toBe(defaults.maxAgeMs);
    expect(shown.get('--store')).toBe(defaults.store);
    expect(shown.get('--timeout')).toBe(formatDuration(defaults.timeoutMs));
  });

  test.each<[string[], object]>([
    [[], {}],
    [['--store', 'auto'], { store: 'auto' }],
    [['--profile='], { profile: '' }],
    [['--site=china', '--max-age', '1h'], { site: 'china', 'max-age': '1h' }],
  ])('%j are typed as %j', (args, typed) => {
    expect(parsed(args).typedSettings()).toEqual(typed);
  });
});

describe('a wrong command line', () => {
  test.each<[string[], string, string]>([
    [['lsit'], "unknown command 'lsit'", 'Did you mean list? See "kubectl eck --help"'],
    [['list', '--reigon', 'x'], "unknown option '--reigon'", 'Did you mean --region? See "kubectl eck list --help"'],
    [['help', 'lsit'], "unknown command 'lsit'", 'Did you mean list? See "kubectl eck --help"'],
    [['help', 'nonsense'], "unknown command 'nonsense'", 'See "kubectl eck --help"'],
    [['list', '-o'], "option '-o, --output <FORMAT>' argument missing", 'See "kubectl eck list --help"'],
    [['completion'], "missing required argument 'SHELL'", 'See "kubectl eck completion --help"'],
    [['list', '-o', 'xml'], '--output "xml" is not one of table, wide, json, yaml, name', ''],
  ])('%j is usage', async (args, message, fix) => {
    await expect(run(args, world)).rejects.toMatchObject({
      code: 'usage',
      exitStatus: 2,
      message,
      fix: fix === '' ? undefined : fix,
    });
  });

  test('is printed without control characters', () => {
    const { message } = commandLineError("error: unknown command '\u001b[31m\nx'", 'help');
    expect(message).toBe("unknown command ' [31m x'");
  });
});
