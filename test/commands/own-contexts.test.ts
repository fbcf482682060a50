import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../src/world.js';
import { ownContexts, type OwnContext } from '../../src/commands/cached-credentials.js';
import { readContexts } from '../../src/kubeconfig/user.js';

let scratch: string;
beforeEach(() => {
  scratch = fs.mkdtempSync(join(tmpdir(), 'kubectl-eck-'));
});
afterEach(() => {
  fs.rmSync(scratch, { recursive: true, force: true });
});

/** The contexts of a kubeconfig with one context, `edge`, whose user and cluster say this. */
async function contextsOf(
  user: object,
  cluster: object = {},
  environment: Environment = {},
): Promise<OwnContext[]> {
  const file = join(scratch, 'config');
  // A JSON document is a YAML document.
  const kubeconfig = {
    'current-context': 'edge',
    contexts: [{ name: 'edge', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://192.0.2.1', ...cluster } }],
    users: [{ name: 'u', user }],
  };
  fs.writeFileSync(file, JSON.stringify(kubeconfig));
  return ownContexts(await readContexts([file]), environment);
}

const exec = (args: readonly string[], more: object = {}): object => ({
  exec: { command: 'kubectl-eck', args, ...more },
});

describe('a context of this plugin', () => {
  test('asks for the credential that its arguments name', async () => {
    const args = ['exec-credential', '--cluster-id', 'eck-1', '--profile', 'work', '--site=international'];
    expect(await contextsOf(exec(args))).toEqual([
      {
        name: 'edge',
        file: join(scratch, 'config'),
        isCurrent: true,
        environment: {},
        clusterId: 'eck-1',
        settings: expect.objectContaining({
          profile: 'work',
          endpoint: { kind: 'site', site: 'international' },
          store: 'auto',
        }),
      },
    ]);
  });

  test('asks as kubectl would have it asked in this environment, and in the one of its entry first', async () => {
    const args = ['exec-credential', '--cluster-id', 'eck-1'];
    const env = [{ name: 'KUBECTL_ECK_PROFILE', value: 'entry' }];
    const shell = { KUBECTL_ECK_PROFILE: 'shell', KUBECTL_ECK_STORE: 'file' };
    expect(await contextsOf(exec(args, { env }), {}, shell)).toMatchObject([
      { settings: { profile: 'entry', store: 'file' }, environment: { KUBECTL_ECK_PROFILE: 'entry' } },
    ]);
  });

  test.each<[string, readonly string[]]>([
    ['written by hand', ['get-credentials', '--cluster-id', 'eck-1']],
    ['written by hand with the cluster as an argument', ['get-credentials', 'eck-1']],
  ])('is one also where it was %s', async (_, args) => {
    expect(await contextsOf(exec(args))).toMatchObject([{ clusterId: 'eck-1' }]);
  });

  test('may have the id of its cluster in the cluster', async () => {
    const extensions = [
      { name: 'other', extension: { clusterId: 'eck-0' } },
      { name: 'client.authentication.k8s.io/exec', extension: { clusterId: 'eck-1' } },
    ];
    expect(await contextsOf(exec(['exec-credential']), { extensions })).toMatchObject([
      { clusterId: 'eck-1' },
    ]);
  });

  test.each<[string, object, object]>([
    ['its user has a token', { token: 'x' }, {}],
    ['its user runs another program', { exec: { command: 'aws', args: ['exec-credential'] } }, {}],
    [
      'its arguments cannot be understood',
      exec(['exec-credential', '--cluster-id', 'eck-1', '--nonsense']),
      {},
    ],
    ['its arguments are of another command', exec(['list']), {}],
    ['its settings are wrong', exec(['exec-credential', '--cluster-id', 'eck-1', '--store', 'pocket']), {}],
    ['no cluster is named', exec(['exec-credential']), {}],
    ['the cluster has no id', exec(['exec-credential', '--cluster-id', '../eck']), {}],
    ['the extension says nothing', exec(['exec-credential']), { extensions: [null, { name: 7 }] }],
  ])('is none where %s', async (_, user, cluster) => {
    expect(await contextsOf(user, cluster)).toEqual([]);
  });
});
