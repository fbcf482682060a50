import { describe, expect, test } from '@jest/globals';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repository } from '../support/sandbox.js';

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<string, { readonly needs?: string; readonly steps: readonly { run?: string; uses?: string }[] }>
  >;
}

const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const directory = join(repository, '.github', 'workflows');
const read = (name: string) => parse(readFileSync(join(directory, name), 'utf8')) as Workflow;

describe.each(readdirSync(directory))('the workflow %s', (name) => {
  const workflow = read(name);
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  test('runs scripts that package.json has, and files that can be run', () => {
    const commands = steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
    const called = commands.flatMap((command) =>
      [...command.matchAll(/npm run (?:--silent )?(\S+)/g)].map(([, script = '']) => script),
    );
    expect(called.filter((script) => scripts[script] === undefined)).toEqual([]);
    expect(commands).toContain('.ci/run');
    expect(() => {
      accessSync(join(repository, '.ci/run'), constants.X_OK);
    }).not.toThrow();
  });

  test('names the actions of others by the hash of a commit', () => {
    const actions = steps.flatMap(({ uses }) => (uses === undefined ? [] : [uses]));
    expect(actions.filter((action) => !/^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/.test(action))).toEqual([]);
  });

  test('may by itself do no more than read', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
  });
});

test('a release is tested before it is packaged, and has everything before it is published', () => {
  const { release } = read('release.yml').jobs;
  expect(release?.needs).toBe('test');
  const steps = release?.steps.map(({ run, uses }) => run ?? uses ?? '') ?? [];
  const order = [
    'npm ci',
    'npm run package ',
    'package:npm',
    'sbom',
    'checksums',
    'attest',
    'gh release',
    'krew',
  ];
  const positions = order.map((part) => steps.findIndex((step) => step.includes(part)));
  expect(positions).not.toContain(-1);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
});
