import { beforeEach, describe, expect, test } from '@jest/globals';
import { sandbox, useSandbox } from '../support/each-sandbox.js';

useSandbox();
beforeEach(() => {
  sandbox.putCluster({
    clusterId: 'eck-ffff0001',
    name: '上海边缘',
    region: 'cn-shanghai-12',
    publicAccess: false,
  });
});

describe('list', () => {
  test('shows the clusters of the account and the contexts that reach them, by one call', async () => {
    await sandbox.run(['get-credentials', sandbox.clusterId, '--context', 'edge']);
    const listed = await sandbox.run(['list']);
    expect(listed).toEqual({
      status: 0,
      stderr: '',
      stdout: [
        'NAME           ID             VERSION               REGION           ACCESS    CONTEXT',
        'eck-0123abcd   eck-0123abcd   1.31.9-aliyunedge.1   cn-hangzhou-58   public    *edge',
        '上海边缘       eck-ffff0001   1.31.9-aliyunedge.1   cn-shanghai-12   private   <none>',
        '',
      ].join('\n'),
    });
    expect(sandbox.ens.calls('DescribeClustersV1')).toBe(1);
  });

  test.each([['table'], ['wide'], ['json'], ['yaml'], ['name']])(
    'prints none of the secrets that ENS adds to a listing, as %s',
    async (format) => {
      const { stdout, stderr } = await sandbox.run(['list', '-o', format], {
        env: { KUBECTL_ECK_LOG: 'debug' },
      });
      const printed = stdout + stderr;
      expect(printed).toContain('eck-ffff0001');
      expect(sandbox.ens.joinTokens.filter((token) => printed.includes(token))).toEqual([]);
      expect(printed).not.toMatch(/client-key|client-certificate|PRIVATE KEY|BEGIN|JoinToken/);
      expect(await sandbox.filesWithIssuedKeys()).toEqual([]);
    },
  );

  test('filters by flags; variables choose nothing', async () => {
    const named = await sandbox.run(['list', '-o', 'name', '--name', '上海边缘']);
    expect(named).toMatchObject({ status: 0, stdout: 'eck-ffff0001\n' });
    const env = { KUBECTL_ECK_NAME: '上海边缘', KUBECTL_ECK_OUTPUT: 'json' };
    const inRegion = await sandbox.run(['list', '--region', 'cn-hangzhou-58', '-o', 'name'], { env });
    expect(inRegion).toMatchObject({ status: 0, stdout: 'eck-0123abcd\n' });
  });

  test('says where it looked when there is nothing', async () => {
    const listed = await sandbox.run(['list', '--region', 'cn-nowhere']);
    expect(listed).toMatchObject({ status: 0, stdout: '' });
    expect(listed.stderr).toMatch(/^No clusters in the region "cn-nowhere" found at 127\.0\.0\.1/);
  });

  test.each([
    ['list', '-v'],
    ['-v', 'ls'],
  ])('%s %s prints each step', async (...args) => {
    const listed = await sandbox.run(args);
    expect(listed.stderr).toMatch(/^kubectl-eck\[\d+\] [\d.]+ ms: /m);
    expect((await sandbox.run(['ls'])).stderr).toBe('');
  });

  test('works without a kubeconfig that can be read, and says so', async () => {
    await sandbox.writeHome('.kube/config', 'contexts: {');
    const listed = await sandbox.run(['list', '-o', 'name']);
    expect(listed).toMatchObject({ status: 0, stdout: 'eck-0123abcd\neck-ffff0001\n' });
    expect(listed.stderr).toMatch(/^warning: .*config/);
  });
});
