import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repository } from './support/sandbox.js';

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Record<
    string,
    { readonly uses?: string; readonly steps?: { run?: string; uses?: string }[] }
  >;
}

const directory = join(repository, '.github', 'workflows');
const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { scripts: object };

describe.each(readdirSync(directory))('the workflow %s', (name) => {
  const workflow = parse(readFileSync(join(directory, name), 'utf8')) as Workflow;
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
