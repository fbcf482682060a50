import { describe, expect, test } from '@jest/globals';
import { checkSelection, resolveNames } from '../../../src/commands/get-credentials/select.js';
import type { Cluster } from '../../../src/ens/actions.js';

function check(text: string): () => void {
  return () => {
    checkSelection({ clusters: [text], all: false }, false);
  };
}

test.each(['eck-0123abcd', 'shop', 'eck', 'my shop (1)', '上海仓库', 'x'.repeat(128)])(
  '%j can be an id or a name',
  (text) => {
    expect(check(text)).not.toThrow();
  },
);

test.each(['', 'eck-', 'eck-a b', '-shop', 'a/b', 'a\\b', '../x', 'a\nb', 'a\u202eb', 'x'.repeat(129)])(
  '%j can be neither',
  (text) => {
    expect(check(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  },
);

function cluster(clusterId: string, name: string, region = 'cn-hangzhou-58'): Cluster {
  return { clusterId, name, region, kubernetesVersion: '1.31', publicAccess: true } as Cluster;
}

const listed = [
  cluster('eck-1', 'shop'),
  cluster('eck-2', 'warehouse'),
  cluster('c0ffee', 'cafe'),
  cluster('eck-3', 'c0ffee'),
  cluster('eck-4', 'twin'),
  cluster('eck-5', 'twin', 'cn-chengdu-3'),
];

describe('names and ids', () => {
  test.each([
    ['shop', 'eck-1'],
    ['warehouse shop', 'eck-2 eck-1'],
    ['eck-9 shop', 'eck-9 eck-1'],
    ['eck-1 shop eck-1', 'eck-1'],
    ['c0ffee', 'c0ffee'],
    ['cafe c0ffee', 'c0ffee'],
  ])('%s are %s', (texts, clusterIds) => {
    const { clusters, unknown } = resolveNames(texts.split(' '), listed, 'ens.example');
    expect(clusters.map(({ clusterId }) => clusterId)).toEqual(clusterIds.split(' '));
    expect(unknown).toEqual([]);
  });

  test('of several clusters are refused, with the candidates', () => {
    const message = '2 clusters are named "twin": eck-4 (cn-hangzhou-58), eck-5 (cn-chengdu-3)';
    const error = expect.objectContaining({ code: 'usage', message });
    expect(() => resolveNames(['shop', 'twin'], listed, '')).toThrow(error);
    const many = Array.from({ length: 25 }, (_, index) => cluster(`eck-${index}`, 'same'));
    expect(() => resolveNames(['same'], many, '')).toThrow(/^25 clusters .*, eck-9 \(\S+\), …$/);
  });
});
