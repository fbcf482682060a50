import { expect, test } from '@jest/globals';
import { clusterIdsIn } from '../../../src/commands/convert/cluster-ids.js';

test.each<[string, string[]]>([
  ['eck-0123abcd', ['eck-0123abcd']],
  ['admin@eck-0123abcd', ['eck-0123abcd']],
  ['eck-0123abcd-staging', ['eck-0123abcd']],
  ['kubernetes-admin-eck-0123abcd', ['eck-0123abcd']],
  ['eck-a/eck-b/eck-a', ['eck-a', 'eck-b']],
  ['deck-1', []],
  ['édeck-1', []],
  ['eck-', []],
  ['eck', []],
  ['ECK-1', []],
  ['eck-abcDEF', []],
  ['', []],
])('the name %j holds the ids %j', (name, ids) => {
  expect(clusterIdsIn(name)).toEqual(ids);
});
