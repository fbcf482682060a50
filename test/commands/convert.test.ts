import { describe, expect, test } from '@jest/globals';
import { clusterIdsIn, findConvertible, labelOf, type ConvertSelection } from '../../src/commands/convert.js';
import type { Mapping } from '../../src/errors.js';
import { type KubeconfigUser } from '../../src/kubeconfig/read.js';

const key = { 'client-key-data': 'aw==' };

/** A user, and its contexts as `context cluster`. */
function user(name: string, content: Mapping, ...contexts: string[]): KubeconfigUser {
  const pairs = contexts.map((text) => text.split(' '));
  return {
    name,
    file: '/config',
    content,
    isOwn: 'exec' in content,
    contexts: pairs.map(([context = '', clusterName]) => ({
      ...{ name: context, clusterName, cluster: undefined, clusterFile: undefined },
    })),
  };
}

/** `contexts = cluster id` of each user that can be converted. */
function found(users: readonly KubeconfigUser[], selection: ConvertSelection = {}): string[] {
  const { convertible } = findConvertible(users, selection);
  return convertible.map((each) => `${labelOf(each)} = ${each.clusterId}`);
}

describe('a user with a client key is of an ECK cluster', () => {
  test.each<[string, KubeconfigUser, string[]]>([
    ['by the name of its context', user('u', key, 'eck-1 c'), ['eck-1 = eck-1']],
    ['by the name of the cluster', user('u', key, 'edge eck-1'), ['edge = eck-1']],
    ['by its own name', user('admin@eck-1', key, 'edge c'), ['edge = eck-1']],
    ['by another context of its cluster', user('u', key, 'eck-1 c', 'tools c'), ['eck-1, tools = eck-1']],
    ['with a key in a file', user('u', { 'client-key': 'k.pem' }, 'eck-1 c'), ['eck-1 = eck-1']],
    ['but not without a client key', user('u', { token: 't' }, 'eck-1 c'), []],
  ])('%s', (_, each, expected) => {
    expect(found([each])).toEqual(expected);
  });

  test.each<[string, KubeconfigUser, string]>([
    ['of several clusters', user('u', key, 'eck-1 c', 'eck-2 d'), 'several clusters: eck-1, eck-2'],
    ['with two ids in its names', user('u', key, 'eck-1 eck-2'), 'several clusters: eck-1, eck-2'],
    ['with a context of an unknown cluster', user('u', key, 'eck-1 c', 'far d'), 'unknown cluster'],
    ['with a password', user('u', { ...key, password: 'p' }, 'eck-1 c'), 'also has password'],
    ['that no context uses', user('eck-1', key), 'no context uses it'],
  ])('and stays, %s', (_, each, message) => {
    const { convertible, failures } = findConvertible([each], {});
    expect(convertible).toEqual([]);
    const error = { code: 'context-not-convertible', message: expect.stringContaining(message) as unknown };
    expect(failures).toMatchObject([{ cluster: labelOf(each), error }]);
  });
});

test('users without the id of an ECK cluster are left alone', () => {
  const found = findConvertible([user('u', key, 'minikube minikube')], {});
  expect(found).toEqual({ convertible: [], failures: [], unknown: ['minikube'] });
});

describe('a context that is given', () => {
  const users = [
    user('u', key, 'eck-1 c'),
    user('v', key, 'edge d'),
    user('w', key, 'eck-3 eck-4'),
    user('t', { token: 't' }, 'tok e'),
    user('own', { exec: {} }, 'mine f'),
  ];

  test.each<[ConvertSelection, string[]]>([
    [{ context: 'eck-1' }, ['eck-1 = eck-1']],
    [{ context: 'eck-3', clusterId: 'eck-4' }, ['eck-3 = eck-4']],
    [{ context: 'mine' }, []],
  ])('%j is the only one', (selection, expected) => {
    expect(found(users, selection)).toEqual(expected);
  });

  test.each([
    ['edge', 'context-not-convertible'],
    ['tok', 'context-not-convertible'],
  ])('%s is refused', (context, code) => {
    expect(() => findConvertible(users, { context })).toThrow(expect.objectContaining({ code }));
  });
});

test.each<[string, string[]]>([
  ['admin@eck-0123abcd', ['eck-0123abcd']],
  ['eck-0123abcd-staging', ['eck-0123abcd']],
  ['eck-a/eck-b', ['eck-a', 'eck-b']],
  ['deck-1', []],
  ['édeck-1', []],
  ['eck-', []],
  ['ECK-1', []],
  ['eck-abcDEF', []],
])('the name %j contains the ids %j', (name, ids) => {
  expect(clusterIdsIn([name])).toEqual(ids);
});
