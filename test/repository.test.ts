import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { settingFlags, variableOf } from '../src/settings.js';
import { definitions } from './commands/definitions.js';
import { repository } from './support/sandbox.js';

const languages = ['README.md', 'README.zh-CN.md'] as const;
const textOf = (file: string): string => readFileSync(join(repository, file), 'utf8');
const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([whole, group]) => group ?? whole);

test('both languages have the same code, headings, lists and tables', () => {
  const [english, chinese] = languages.map((file) => {
    const text = textOf(file);
    const code = matches(text, /^```.*?^```$/gms);
    return [...code, ...matches(text.replace(/^```.*?^```$/gms, ''), /^(#+ |\||- )/gm)];
  });
  expect(english?.length).toBeGreaterThan(10);
  expect(chinese).toEqual(english);
});

describe.each(languages)('%s', (file) => {
  const text = textOf(file);
  const root = definitions();
  const flags = [root, ...root.commands].flatMap(({ options }) => options.map(({ long }) => String(long)));

  test('links to files that exist', () => {
    const links = matches(text, /\]\((?!https?:)([^)#]+)/g);
    expect(links.length).toBeGreaterThan(2);
    expect(links.filter((link) => !existsSync(join(repository, link)))).toEqual([]);
  });

  test('names commands, flags and variables that exist', () => {
    // --manifest and --archive are flags of krew.
    const known = [...flags, '--help', '--all', '--manifest', '--archive'];
    expect(known).toEqual(expect.arrayContaining(matches(text, /(?<![\w-])--[a-z][a-z-]+/g)));
    const commands = root.commands.flatMap((command) => [command.name(), ...command.aliases()]);
    const named = matches(text, /(?:`kubectl[ -]|^(?:\$ )?kubectl )eck ([a-z][a-z-]+)/gm);
    expect([...commands, 'help']).toEqual(expect.arrayContaining(named));
    const variables = [...settingFlags.map(variableOf), 'KUBECTL_ECK_LOG'];
    const others = ['KUBECTL_ECK_TEST_KUBECTLS'];
    expect([...variables, ...others]).toEqual(expect.arrayContaining(matches(text, /KUBECTL_ECK_[A-Z_]+/g)));
  });
});

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Record<string, { steps?: { run?: string; uses?: string }[] }>;
}

const directory = '.github/workflows';
const { scripts } = JSON.parse(textOf('package.json')) as { scripts: object };

describe.each(readdirSync(join(repository, directory)))('the workflow %s', (name) => {
  const workflow = parse(textOf(join(directory, name))) as Workflow;
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps ?? []);

  test('runs scripts of package.json', () => {
    const called = steps.flatMap(({ run = '' }) =>
      [...run.matchAll(/npm run (\S+)/g)].map(([, script]) => script),
    );
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(called));
  });

  test('pins actions of others by commit', () => {
    for (const { uses } of steps)
      if (uses !== undefined) expect(uses).toMatch(/^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/);
  });

  test('can only read by default', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
  });
});
