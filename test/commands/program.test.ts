import { describe, expect, test } from '@jest/globals';
import type { Argument, Option } from 'commander';
import { examplesOf, helpAfter } from '../../scripts/reference/help-after.js';
import { groupHeadings, groupOf } from '../../src/commands/groups.js';
import { variableOf } from '../../src/settings.js';
import { definitions, parses } from './definitions.js';

const commands = definitions().commands.map((command) => [command.name(), command] as const);

function valueFor({ argChoices }: Option | Argument): string {
  return argChoices?.[0] ?? 'x';
}

describe.each(commands)('%s', (name, command) => {
  const needed = command.registeredArguments.filter(({ required }) => required).map(valueFor);

  test('takes every option that it defines, and no other', () => {
    for (const option of command.options) {
      const value = option.required ? [valueFor(option)] : [];
      for (const flag of [option.long, option.short].filter((known) => known !== undefined)) {
        expect([flag, parses([name, ...needed, flag, ...value])]).toEqual([flag, true]);
      }
    }
    expect(parses([name, ...needed, '--nonsense'])).toBe(false);
    expect(parses([name, ...needed, '--help'])).toBe(true);
  });

  test('takes no value that is not among the choices', () => {
    for (const { long, argChoices } of command.options) {
      if (argChoices === undefined) continue;
      for (const choice of argChoices) expect(parses([name, ...needed, String(long), choice])).toBe(true);
      expect(parses([name, ...needed, String(long), 'nonsense'])).toBe(false);
    }
    const [argument] = command.registeredArguments;
    if (argument?.argChoices !== undefined) expect(parses([name, 'nonsense'])).toBe(false);
  });

  test('has a variable for every option, which help names', () => {
    for (const { long, description } of command.options) {
      expect(description).toContain(`[$${variableOf(String(long).slice(2))}]`);
    }
  });

  test('has help with an example, and its examples are understood', () => {
    const examples = examplesOf(command);
    expect(examples.some((example) => new RegExp(`^kubectl[ -]eck ${name}\\b`).test(example))).toBe(true);
    for (const example of examples) {
      const [, line = ''] = /^kubectl[ -]eck (.*)$/.exec(example) ?? [];
      expect([example, parses(line.split(/ +/))]).toEqual([example, true]);
    }
  });

  test('is listed in a group, and fits in a terminal of 80 columns', () => {
    expect(groupHeadings).toContain(groupOf(name));
    const lines = command.helpInformation().split('\n');
    expect([...lines, ...helpAfter(command).split('\n')].filter((line) => line.length > 80)).toEqual([]);
    expect(lines.join('\n')).toMatch(/-h, --help +print help$/m);
  });
});

describe('help', () => {
  const help = definitions().helpInformation();

  test('lists every command, in groups', () => {
    for (const [name] of commands) expect(help).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    const places = groupHeadings
      .map((heading) => help.indexOf(`\n${heading}\n`))
      .filter((place) => place >= 0);
    expect(places.length).toBeGreaterThan(2);
    expect([...places].sort((one, other) => one - other)).toEqual(places);
    expect(help.indexOf('get-credentials ')).toBeLessThan(help.indexOf('\n  list '));
    expect(help.slice(help.indexOf('\nOthers:'))).toMatch(/\n {2}help /);
  });

  test('fits in a terminal of 80 columns', () => {
    expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});
