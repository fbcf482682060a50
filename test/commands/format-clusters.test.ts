import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { Cluster } from '../../src/ens/actions.js';
import type { OwnContext } from '../../src/commands/cached-credentials.js';
import { formatClusters, type ListFormat } from '../../src/commands/list.js';
import { readSettings } from '../../src/settings.js';

const clusters: readonly Cluster[] = [
  { clusterId: 'eck-1', name: '杭州', region: 'r-1', kubernetesVersion: '1.31', publicAccess: true },
  {
    clusterId: 'eck-22',
    name: 'edge',
    region: 'r-2',
    kubernetesVersion: '1.31',
    publicAccess: false,
    vpcId: 'n-1',
    controlPlane: { instanceSpec: 'ens.large', size: 3 },
  },
];
const settings = readSettings({}, {});
const contexts: readonly OwnContext[] = [
  { name: 'one', file: 'f', isCurrent: false, clusterId: 'eck-1', settings, environment: {} },
  { name: 'uno', file: 'f', isCurrent: true, clusterId: 'eck-1', settings, environment: {} },
  { name: 'other', file: 'f', isCurrent: false, clusterId: 'eck-9', settings, environment: {} },
];

function format(format: ListFormat, headers = true): Promise<string> {
  return formatClusters(clusters, contexts, { format, headers });
}

describe('a list of clusters', () => {
  test('is a table with the contexts of each, and a star at the current one', async () => {
    expect(await format('table')).toBe(
      [
        'NAME   ID       VERSION   REGION   ACCESS    CONTEXT',
        '杭州   eck-1    1.31      r-1      public    one,*uno',
        'edge   eck-22   1.31      r-2      private   <none>',
        '',
      ].join('\n'),
    );
  });

  test('tells more where it may be wide', async () => {
    const [heading, , second] = (await format('wide')).split('\n');
    expect(heading).toMatch(/CONTEXT +CONTROL PLANE +VPC +PODS +SERVICES$/);
    expect(second).toMatch(/<none> +3 x ens\.large +n-1 +<none> +<none>$/);
  });

  test('can go without its heading', async () => {
    expect(await format('table', false)).toMatch(/^杭州 /);
  });

  test('is the ids, one a line, for another command to read', async () => {
    expect(await format('name')).toBe('eck-1\neck-22\n');
  });

  test.each(['json', 'yaml'] as const)('is a document of all that is known, as %s', async (as) => {
    const document: unknown = parse(await format(as));
    expect(document).toEqual([
      { ...clusters[0], contexts: ['one', 'uno'] },
      { ...clusters[1], contexts: [] },
    ]);
  });

  test.each<[ListFormat, string]>([
    ['table', ''],
    ['wide', ''],
    ['name', ''],
    ['json', '[]\n'],
    ['yaml', '[]\n'],
  ])('without clusters is as %s %j', async (as, text) => {
    expect(await formatClusters([], contexts, { format: as, headers: true })).toBe(text);
  });

  test('shows the name of a context without control characters', async () => {
    const [context] = contexts;
    const evil = { ...context, name: 'a\u001b[31mb' } as OwnContext;
    expect(await formatClusters(clusters, [evil], { format: 'table', headers: true })).not.toContain(
      '\u001b',
    );
  });
});
