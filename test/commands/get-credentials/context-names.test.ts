import { describe, expect, test } from '@jest/globals';
import {
  contextName,
  needsDescription,
  type KnownCluster,
  type NameRules,
} from '../../../src/commands/get-credentials/context-names.js';

const region = 'cn-hangzhou-58';
const shop: KnownCluster = { clusterId: 'eck-1', name: 'shop', region };
const others: KnownCluster[] = [
  { clusterId: 'c0ffee', name: 'cafe', region },
  { clusterId: 'eck-4', name: 'twin', region },
  { clusterId: 'eck-5', name: 'twin', region: 'cn-chengdu-3' },
];

function rulesWith(rules: Partial<NameRules>): NameRules {
  const taken = new Map([
    ['taken', undefined],
    ['other', 'eck-9'],
    ['mine', 'eck-1'],
  ]);
  return { taken, ownContext: () => undefined, clusters: [shop, ...others], ...rules };
}

describe('a context is named after its cluster', () => {
  test.each(['shop', 'Shop.prod_2', 'x'.repeat(63), '8', 'y', '0o17', '1_000', 'null', 'mine', 'eck-prod', 'eck-1'])(
    'as %j',
    (name) => {
      expect(contextName({ ...shop, name }, rulesWith({}))).toEqual({ name });
    },
  );

  const characters = /other characters than letters/;
  test.each<[string, RegExp]>([
    ['my shop', characters],
    ['a/b', characters],
    ['../x', characters],
    ['-shop', characters],
    ['.shop', characters],
    ['shop\n', characters],
    ['仓库', characters],
    ['shöp', characters],
    ['$(rm)', characters],
    ['x'.repeat(64), characters],
    ['c0ffee', /looks like another cluster's id/],
    ['eck-0123abcd', /looks like another cluster's id/],
    ['twin', /is that of several clusters/],
    ['taken', /is taken in the kubeconfig/],
    ['other', /is taken in the kubeconfig/],
  ])('but after its id instead of %j', (name, reason) => {
    const named = contextName({ clusterId: 'eck-1', name, region }, rulesWith({}));
    expect(named).toEqual({ name: 'eck-1', reason: expect.stringMatching(reason) as unknown });
  });

  test.each([{ clusterId: 'eck-1' }, { clusterId: 'eck-1', name: '' }])('after its id without a name', (cluster) => {
    expect(contextName(cluster, rulesWith({}))).toEqual({ name: 'eck-1' });
  });

  test('unless a context of ours reaches it already', () => {
    const rules = rulesWith({ ownContext: () => 'edge' });
    expect(contextName(shop, rules)).toEqual({ name: 'edge' });
    expect(needsDescription({ clusterId: 'eck-1' }, rules)).toBe(false);
  });
});

describe('--context', () => {
  test.each([
    ['any text: 仓库 {x}', 'any text: 仓库 {x}', false],
    ['{name}', 'shop', true],
    ['edge-{name}.{region}', `edge-shop.${region}`, true],
    ['{id}-edge', 'eck-1-edge', false],
  ])('%j names it %j, and ENS is asked for the cluster: %s', (template, name, needsIt) => {
    const rules = rulesWith({ template });
    expect(contextName(shop, rules)).toEqual({ name });
    expect(needsDescription({ clusterId: 'eck-1' }, rules)).toBe(needsIt);
    expect(needsDescription(shop, rules)).toBe(false);
  });

  test.each<[string, KnownCluster]>([
    ['{name}', { ...shop, name: 'my shop' }],
    ['{name}', { clusterId: 'eck-1' }],
    ['c0{name}', { ...shop, name: 'ffee' }],
    ['t{name}', { ...shop, name: 'aken' }],
    ['{region}{region}{region}{region}{region}', shop],
  ])('%j is an error if it makes a name that cannot be used', (template, cluster) => {
    const refused = { code: 'kubeconfig-conflict', fix: expect.stringContaining('template') as unknown };
    expect(() => contextName(cluster, rulesWith({ template }))).toThrow(expect.objectContaining(refused));
  });
});
