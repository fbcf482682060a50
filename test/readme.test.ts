import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../src/commands/program.js';
import { variableOf } from '../src/settings.js';
import { FakeWorld } from './exec-credential/fixtures.js';
import { repository } from './support/sandbox.js';

const languages = ['README.md', 'README.zh-CN.md'] as const;

function textOf(file: string): string {
  return readFileSync(join(repository, file), 'utf8');
}

function codeBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([block]) => block);
}

/** The level of each heading, and the number of rows of each table, in order. */
function outline(markdown: string): string[] {
  const prose = markdown.replace(/^```.*?^```$/gms, '```');
  return prose.split('\n').flatMap((line) => /^(#+) |^(\||- |```)/.exec(line)?.slice(1) ?? []);
}

describe('README.md and README.zh-CN.md', () => {
  test('show the same code', () => {
    const [english, chinese] = languages.map((file) => codeBlocks(textOf(file)));
    expect(english?.length).toBeGreaterThan(5);
    expect(chinese).toEqual(english);
  });

  test('have the same headings, lists and tables', () => {
    const [english, chinese] = languages.map((file) => outline(textOf(file)));
    expect(chinese).toEqual(english);
  });
});

describe.each(languages)('%s', (file) => {
  const text = textOf(file);
  const root = program(new FakeWorld({}, '/'));
  const flags = [root, ...root.commands].flatMap(({ options }) => options.map(({ long }) => long));

  test('links to files that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target]) => target ?? '');
    expect(links.length).toBeGreaterThan(2);
    expect(links.filter((target) => !existsSync(join(repository, target)))).toEqual([]);
  });

  test('names commands and flags that there are', () => {
    const ownFlags = new Set([...flags, '--help']);
    // Of other programs: npm and krew.
    const foreign = ['--manifest', '--archive', '--all'];
    const named = [...text.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => flag);
    expect(named.filter((flag) => !ownFlags.has(flag) && !foreign.includes(flag))).toEqual([]);
    const commands = [...text.matchAll(/(?:`|^\$ )kubectl[ -]eck ([a-z][a-z-]+)/gm)].map(
      ([, name]) => name ?? '',
    );
    const known = root.commands.map((command) => command.name());
    expect(commands.filter((name) => ![...known, 'help'].includes(name))).toEqual([]);
  });

  test('lists every command in its table', () => {
    const listed = [...text.matchAll(/^\| `kubectl[ -]eck ([a-z-]+)|`kubectl eck (help)`/gm)].map(
      ([, name, other]) => name ?? other,
    );
    const visible = root.createHelp().visibleCommands(root);
    expect(listed.sort()).toEqual(visible.map((command) => command.name()).sort());
  });

  test('names variables that there are', () => {
    const own = new Set(flags.map((flag) => variableOf(flag?.slice(2) ?? '')));
    const other = ['KUBECTL_ECK_LOG', 'KUBECTL_ECK_TEST_KUBECTLS'];
    const named = [...text.matchAll(/KUBECTL_ECK_[A-Z_]+/g)].map(([name]) => name);
    expect(named.filter((name) => !own.has(name) && !other.includes(name))).toEqual([]);
  });
});
