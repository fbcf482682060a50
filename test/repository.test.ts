import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { errorCodes } from '../src/errors.js';
import { settingFlags, variableOf } from '../src/settings.js';
import { definitions } from './commands/definitions.js';
import { repository } from './support/sandbox.js';

const textOf = (file: string): string => readFileSync(join(repository, file), 'utf8');
const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([whole, group]) => group ?? whole);
const withoutCode = (text: string): string => text.replace(/^```.*?^```$/gms, '');

const pagesIn = (folder: string): string[] =>
  readdirSync(join(repository, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const pages = ['.', 'docs', 'docs/zh-CN'].flatMap(pagesIn);
const troubleshooting = ['docs/troubleshooting.md', 'docs/zh-CN/troubleshooting.md'];

test.each([['README.md', 'README.zh-CN.md'], troubleshooting])(
  '%s and %s have the same code, headings, lists and tables',
  (...languages) => {
    const [english, chinese] = languages.map((file) => {
      const text = textOf(file);
      return [...matches(text, /^```.*?^```$/gms), ...matches(withoutCode(text), /^(#+ |\||- )/gm)];
    });
    expect(english?.length).toBeGreaterThan(10);
    expect(chinese).toEqual(english);
  },
);

test.each(troubleshooting)('%s has every error code', (file) => {
  const described = matches(textOf(file), /^\| `([a-z-]+)` /gm);
  expect(described.sort()).toEqual(Object.keys(errorCodes).sort());
});

test('the output in README.md is in its picture, which a test compares with a real run', () => {
  const comparable = (text: string): string => text.replace(/\d+-\d\d-\d\d \d\d:\d\d/g, 'TIME');
  const printed = matches(textOf('README.md'), /^```text\n(.*?)^```$/gms).flatMap((text) => text.trim().split('\n'));
  const picture = textOf('docs/demo.svg').replaceAll('&lt;', '<').replaceAll('&gt;', '>');
  expect(printed.length).toBeGreaterThan(7);
  for (const line of printed) expect(comparable(picture)).toContain(`>${comparable(line)}</text>`);
});

/** The anchors that GitHub gives to headings. */
function anchorsOf(file: string): string[] {
  const headings = matches(withoutCode(textOf(file)), /^#+ (.*)$/gm);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(pages)('%s', (file) => {
  const text = textOf(file);
  const root = definitions();
  const flags = [root, ...root.commands].flatMap(({ options }) => options.map(({ long }) => String(long)));

  test('links to files and headings that exist', () => {
    const links = matches(withoutCode(text), /\]\((?!https?:)([^)]+)/g);
    const isBroken = (link: string): boolean => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      if (!existsSync(join(repository, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    };
    expect(links.filter(isBroken)).toEqual([]);
    const { homepage } = JSON.parse(textOf('package.json')) as { homepage: string };
    for (const url of matches(text, /https:\/\/github\.com\/[\w-]+\/kubectl-eck/g)) expect(url).toBe(homepage);
  });

  test('names commands, flags and variables that exist', () => {
    const ofOtherPrograms = [
      ...['--against', '--archive', '--build-arg', '--check', '--expiration', '--homepage', '--ignore-missing'],
      ...['--kube-context', '--manifest', '--manifest-url', '--registry', '--repo', '--with'],
    ];
    const known = [...flags, ...ofOtherPrograms, '--help'];
    expect(known).toEqual(expect.arrayContaining(matches(text, /(?<![\w-])--[a-z][a-z-]+/g)));
    const commands = root.commands.flatMap((command) => [command.name(), ...command.aliases()]);
    const named = matches(text, /(?:`kubectl[ -]|^\s*kubectl )eck ([a-z][a-z-]+)/gm);
    expect([...commands, 'help']).toEqual(expect.arrayContaining(named));
    const ofTests = ['KUBECTL_ECK_FUZZ_SEED', 'KUBECTL_ECK_SOAK_MINUTES'];
    const variables = [...settingFlags.map(variableOf), 'KUBECTL_ECK_LOG', ...ofTests];
    const ours = matches(text, /(?<!\w)KUBECTL_ECK_(?!TEST_)[A-Z_]+/g);
    expect(variables).toEqual(expect.arrayContaining(ours));
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
    const called = steps.flatMap(({ run = '' }) => [...run.matchAll(/npm run (\S+)/g)].map(([, script]) => script));
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(called));
  });

  test('pins actions of others by commit', () => {
    for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/);
  });

  test('can only read by default', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
  });
});
