import { describe, expect, test } from '@jest/globals';
import {
  parseNamedCluster,
  readSelection,
  type ClusterSelection,
  type SelectionTexts,
} from '../../../src/commands/get-credentials/cluster-selection.js';

const nothing: SelectionTexts = {
  clusters: [],
  clusterId: undefined,
  clusterIdVariable: undefined,
  all: false,
  allVariable: false,
  canPick: false,
};

function named(...texts: string[]): ClusterSelection {
  const [first, ...others] = texts.map(parseNamedCluster);
  if (first === undefined) throw new Error('name one');
  return { kind: 'named', clusters: [first, ...others] };
}

describe('the clusters that are meant', () => {
  const cases: [string, Partial<SelectionTexts>, ClusterSelection][] = [
    ['are the arguments', { clusters: ['eck-1', 'shop'] }, named('eck-1', 'shop')],
    ['are the one of the flag', { clusterId: 'eck-1' }, named('eck-1')],
    ['are arguments and flag together', { clusters: ['shop'], clusterId: 'eck-1' }, named('shop', 'eck-1')],
    [
      'are each meant once, however often they are named',
      { clusters: ['eck-1', 'shop', 'eck-1', 'shop'], clusterId: 'eck-1' },
      named('eck-1', 'shop'),
    ],
    [
      'are an id and a name that read the same',
      { clusters: ['c1'], clusterId: 'c1' },
      {
        kind: 'named',
        clusters: [
          { kind: 'name', name: 'c1' },
          { kind: 'id', clusterId: 'c1' },
        ],
      },
    ],
    ['are all of them', { all: true }, { kind: 'all' }],
    ['are the one of the variable', { clusterIdVariable: 'eck-1' }, named('eck-1')],
    [
      'are those that were typed, whatever the variables say',
      {
        clusters: ['eck-1'],
        clusterIdVariable: 'eck-2',
        allVariable: true,
      },
      named('eck-1'),
    ],
    [
      'are all, typed, whatever the variable says',
      { all: true, clusterIdVariable: 'eck-2' },
      { kind: 'all' },
    ],
    ['are all by a variable', { allVariable: true, canPick: true }, { kind: 'all' }],
    ['are picked where a person can', { canPick: true }, { kind: 'pick' }],
  ];

  test.each(cases)('%s', (_, texts, expected) => {
    expect(readSelection({ ...nothing, ...texts })).toEqual(expected);
  });

  const mistakes: [string, Partial<SelectionTexts>, RegExp][] = [
    ['none, where nobody can pick', {}, /get-credentials eck-0123abcd/],
    ['all of them and some', { all: true, clusters: ['eck-1'] }, /--all/],
    ['all of them and one by flag', { all: true, clusterId: 'eck-1' }, /--all/],
    ['a name as an id', { clusterId: 'my shop' }, /is not a cluster id/],
  ];

  test.each(mistakes)('cannot be %s', (_, texts, message) => {
    expect(() => readSelection({ ...nothing, ...texts })).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }),
    );
  });
});

describe('an argument', () => {
  test.each([
    ['eck-0123abcd', { kind: 'id', clusterId: 'eck-0123abcd' }],
    ['shop', { kind: 'name', name: 'shop' }],
    ['eck', { kind: 'name', name: 'eck' }],
    ['my shop (1)', { kind: 'name', name: 'my shop (1)' }],
    ['上海仓库', { kind: 'name', name: '上海仓库' }],
    ['x'.repeat(128), { kind: 'name', name: 'x'.repeat(128) }],
  ])('%s is an id or a name', (text, expected) => {
    expect(parseNamedCluster(text)).toEqual(expected);
  });

  test.each(['', 'eck-', 'eck-a b', '-shop', 'a/b', 'a\\b', '../x', 'a\nb', 'a\u202eb', 'x'.repeat(129)])(
    '%j is neither',
    (text) => {
      expect(() => parseNamedCluster(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );
});
