import { beforeEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { Outcome } from '../support/kubectl.js';
import { inNamespace, networkNamespaceRequirement } from '../support/network-namespace.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { programs, repository, runProgram } from '../support/sandbox.js';

describeWith([networkNamespaceRequirement], 'on an ECS instance', () => {
  async function play(mode: string): Promise<Outcome & { paths: string[]; signedBy: string[] }> {
    const script = join(repository, 'test/support/ecs-scenario.ts');
    const argv = [process.execPath, '--import', 'tsx', script, mode];
    const [file, ...args] = inNamespace('ip addr add 100.100.100.200/32 dev lo', argv);
    const outcome = await runProgram(file, args, { env: process.env, cwd: repository, timeoutMs: 60_000 });
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    return JSON.parse(outcome.stdout) as Outcome & { paths: string[]; signedBy: string[] };
  }

  test('the RAM role of the instance signs, without going through a proxy', async () => {
    const { status, stderr, signedBy, paths } = await play('works');
    expect({ status, stderr, signedBy }).toEqual({ status: 0, stderr: '', signedBy: ['STS.ecs'] });
    expect(paths).toContain('GET /latest/meta-data/ram/security-credentials/edge-role');
  });

  test('without a RAM role there is no identity', async () => {
    const { status, stdout, stderr } = await play('refuses');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^kubectl-eck: This ECS instance has no RAM role .*\[identity-not-found\]\n[^\n]+\n$/,
    );
  });

  test('a metadata service that does not answer is given up soon', async () => {
    const { status, stderr } = await play('hangs');
    expect(status).toBe(1);
    expect(stderr).toMatch(/\[identity-unavailable\]\n[^\n]+\n$/);
  });
});

describeWith([networkNamespaceRequirement], 'where packets to the metadata service are lost', () => {
  useSandbox();

  test('the error comes within a second', async () => {
    // A neighbour that takes every packet, so that the kernel does not report a missing host.
    const setUp = `ip link add outside type veth peer name nobody; ip addr add 192.0.2.2/24 dev outside
      ip link set outside up; ip link set nobody up
      ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev outside; ip route add default via 192.0.2.1`;
    const argv = [programs.standalone, 'exec-credential', '--cluster-id', sandbox.clusterId];
    const [file, ...args] = inNamespace(setUp, argv);
    const env = sandbox.environment({
      ALIBABA_CLOUD_ACCESS_KEY_ID: undefined,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined,
      ALIBABA_CLOUD_ECS_METADATA_DISABLED: undefined,
    });
    const start = performance.now();
    const outcome = await runProgram(file, args, { env, timeoutMs: 30_000 });
    expect(performance.now() - start).toBeLessThan(1000);
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toMatch(
      /^kubectl-eck: No Alibaba Cloud identity was found \[identity-not-found\]\n/,
    );
  });
});

describeWith([{ name: 'strace', available: onPath('strace') }], 'serving a cached credential', () => {
  useSandbox();
  beforeEach(async () => {
    const { accessKeyId: access_key_id, accessKeySecret: access_key_secret } = sandbox.identity;
    const profiles = [{ name: 'work', mode: 'AK', access_key_id, access_key_secret }];
    await sandbox.writeHome('.aliyun/config.json', JSON.stringify({ current: 'work', profiles }));
  });
  const none = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
  const identities: [string, Record<string, string | undefined>, string[]][] = [
    ['an AccessKey in the environment', {}, []],
    ['a profile that is named', none, ['--profile', 'work']],
    ['the current profile', none, []],
  ];

  test.each(identities)(
    'as %s makes no system call to resolve, to connect or to read credentials',
    async (_, env, flags) => {
      const args = ['exec-credential', '--cluster-id', sandbox.clusterId, ...flags];
      expect(await sandbox.run(args, { env })).toMatchObject({ status: 0 });
      const calls = sandbox.ens.calls();
      const traced = ['-f', '-e', 'trace=network,openat,open,execve', programs.standalone, ...args];
      const { stdout, stderr } = await runProgram('strace', traced, {
        env: sandbox.environment(env),
        timeoutMs: 60_000,
      });
      expect(JSON.parse(stdout)).toMatchObject({ kind: 'ExecCredential' });
      expect(sandbox.ens.calls()).toBe(calls);
      const lines = stderr.split('\n');
      const forbidden = /AF_INET|resolv\.conf|\/etc\/hosts|nsswitch|\.aliyun|\.alibabacloud/;
      expect(lines.filter((line) => forbidden.test(line))).toEqual([]);
      expect(lines.filter((line) => line.includes('execve('))).toHaveLength(1);
    },
  );
});
