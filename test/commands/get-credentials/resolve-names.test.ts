import { describe, expect, test } from '@jest/globals';
import type { Cluster } from '../../../src/ens/actions.js';
import { parseNamedCluster } from '../../../src/commands/get-credentials/cluster-selection.js';
import { nearNames } from '../../../src/commands/get-credentials/near-names.js';
import { resolveNames } from '../../../src/commands/get-credentials/resolve-names.js';

function cluster(clusterId: string, name: string, region = 'cn-hangzhou-58'): Cluster {
  return { clusterId, name, region, kubernetesVersion: '1.31', publicAccess: true };
}

const listed = [
  cluster('eck-1', 'shop'),
  cluster('eck-2', 'warehouse'),
  cluster('eck-3', 'twin', 'cn-chengdu-3'),
  cluster('eck-4', 'twin', ''),
];

function resolve(...texts: string[]): ReturnType<typeof resolveNames> {
  return resolveNames(texts.map(parseNamedCluster), listed, 'ENS at ens.example');
}

describe('names and ids', () => {
  test.each([
    [['shop'], ['eck-1']],
    [
      ['warehouse', 'shop'],
      ['eck-2', 'eck-1'],
    ],
    [
      ['eck-9', 'shop'],
      ['eck-9', 'eck-1'],
    ],
    [['eck-1', 'shop'], ['eck-1']],
    [
      ['shop', 'eck-2', 'eck-1'],
      ['eck-1', 'eck-2'],
    ],
  ])('%j stand for %j', (texts, clusterIds) => {
    expect(resolve(...texts)).toEqual({ clusterIds, unknown: [] });
  });

  test('that several clusters have are refused, with the candidates', () => {
    expect(() => resolve('shop', 'twin')).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: '2 clusters are called "twin": eck-3 (cn-chengdu-3), eck-4; give the id of one',
      }),
    );
  });

  test('that very many clusters have are not all listed', () => {
    const many = Array.from({ length: 25 }, (_, index) => cluster(`eck-${index}`, 'same'));
    expect(() => resolveNames([parseNamedCluster('same')], many, 'ENS')).toThrow(
      /eck-9 \(\S+\), and 15 more; /,
    );
  });

  test('that no cluster has are told apart from the others, with a suggestion', () => {
    const { clusterIds, unknown } = resolve('shpo', 'warehouse');
    expect(clusterIds).toEqual(['eck-2']);
    expect(unknown).toEqual([
      {
        cluster: 'shpo',
        error: expect.objectContaining({
          code: 'ens-cluster-not-found',
          message:
            'ENS at ens.example lists no cluster of the name "shpo"; did you mean "shop"? ' +
            '"kubectl eck list" shows them all',
        }),
      },
    ]);
  });

  test('that are like none have no suggestion', () => {
    expect(resolve('zzz').unknown[0]?.error.message).toBe(
      'ENS at ens.example lists no cluster of the name "zzz"; "kubectl eck list" shows them all',
    );
  });
});

describe('a name', () => {
  test.each([
    ['shpo', ['shop']],
    ['SHOP', ['shop']],
    ['ware', ['warehouse']],
    ['warehuose', ['warehouse']],
    ['house', []],
    ['s', []],
    ['', []],
  ])('%j is near %j', (typed, expected) => {
    expect(nearNames(typed, ['shop', 'warehouse', 'twin'])).toEqual(expected);
  });

  test('that is nearer comes first, and three are enough', () => {
    expect(nearNames('site-1', ['site-100', 'site-1x', 'site-1', 'site-10', 'other'])).toEqual([
      'site-1',
      'site-1x',
      'site-10',
    ]);
  });
});
