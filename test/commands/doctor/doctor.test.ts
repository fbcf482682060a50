import { describe, expect, test } from '@jest/globals';
import {
  failed,
  longestName,
  ok,
  skipped,
  warning,
  type Check,
  type Finding,
} from '../../../src/commands/doctor/check.js';
import { checks, examineAll } from '../../../src/commands/doctor/doctor.js';
import type { Subject } from '../../../src/commands/doctor/subject.js';
import { EckError } from '../../../src/errors.js';
import type { World } from '../../../src/world.js';

const nothing = {} as Subject & World;

async function statuses(links: readonly Check[]): Promise<string[]> {
  const examined = examineAll(nothing, nothing, links);
  return Promise.all(examined.map(async ({ check, finding }) => `${check.name} ${(await finding).status}`));
}

function link(name: string, finding: Finding, rest: Partial<Check> = {}): Check {
  return { name, examine: () => finding, ...rest };
}

const broken = failed('broken', { remedy: 'mend it' });

describe('the list of checks', () => {
  test('has each one behind those that it needs or comes after', () => {
    checks.forEach(({ needs = [], after = [] }, index) => {
      for (const other of [...needs, ...after]) expect(checks.slice(0, index)).toContain(other);
    });
  });

  test('has names that are told apart, and fit into their column', () => {
    const names = checks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(longestName);
  });
});

describe('a link that needs another', () => {
  test.each<[Finding, string]>([
    [ok(''), 'ok'],
    [warning('', { remedy: '' }), 'ok'],
    [broken, 'skipped'],
    [skipped(''), 'skipped'],
  ])('that is found to be %j is %s', async (finding, status) => {
    const needed = link('needed', finding);
    const found = await statuses([needed, link('this', ok(''), { needs: [needed] })]);
    expect(found[1]).toBe(`this ${status}`);
  });

  test('says which one that is, however far up the chain was broken', async () => {
    const first = link('first', broken);
    const second = link('second', ok(''), { needs: [first] });
    const third = link('third', ok(''), { needs: [second] });
    const findings = examineAll(nothing, nothing, [first, second, third]).map(({ finding }) => finding);
    expect((await Promise.all(findings)).map(({ detail }) => detail)).toEqual([
      'broken',
      'needs first',
      'needs second',
    ]);
  });
});

test('a link that comes after a broken one is examined, and not before that one is done', async () => {
  const order: string[] = [];
  const slow = link('slow', broken, {
    examine: async () => {
      await Promise.resolve();
      order.push('slow');
      return broken;
    },
  });
  const later = link('later', ok(''), {
    after: [slow],
    examine: () => {
      order.push('later');
      return ok('');
    },
  });
  expect(await statuses([slow, later])).toEqual(['slow failed', 'later ok']);
  expect(order).toEqual(['slow', 'later']);
});

test('an error that a check throws is what is broken; a defect is not hidden', async () => {
  const throwing = (error: Error): Check => ({
    name: 'throwing',
    examine: () => Promise.reject(error),
  });
  const [examined] = examineAll(nothing, nothing, [throwing(new EckError('ens-refused', 'no'))]);
  expect(await examined?.finding).toMatchObject({ status: 'failed', detail: 'no', code: 'ens-refused' });
  await expect(statuses([throwing(new TypeError('a defect'))])).rejects.toThrow('a defect');
});
