import { beforeEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { EcsOutcomes } from '../support/ecs-scenario.js';
import { inNamespace, networkNamespaceRequirement } from '../support/network-namespace.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { noAccessKey, programs, repository, runProgram } from '../support/sandbox.js';

describeWith([networkNamespaceRequirement], 'on an ECS instance', () => {
  const unavailable = 'identity-unavailable';
  const refused = /ens-unauthenticated|identity-refused/;
  const modes: [string, string[], RegExp, Record<string, string>][] = [
    ['without a profile', [], /^STS\.ecs$/, { refuses: 'identity-not-found', unreachable: 'identity-not-found' }],
    ['with a profile of mode EcsRamRole', ['EcsRamRole'], /^STS\.ecs$/, {}],
    ['with a profile of mode RamRoleArnWithRoleName', ['RamRoleArnWithRoleName'], /^STS\.[0-9a-f]{8}-/, {}],
  ];

  test.each(modes)('%s, the RAM role signs, or the cached credential is served', async (_, args, signer, others) => {
    const script = join(repository, 'test/support/ecs-scenario.ts');
    const argv = [process.execPath, '--import', 'tsx', script, ...args];
    const [file, ...rest] = inNamespace('ip addr add 100.100.100.200/32 dev lo', argv);
    const outcome = await runProgram(file, rest, { env: process.env, cwd: repository, timeoutMs: 60_000 });
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    const { paths, signedBy, works, wrong, ...outages } = JSON.parse(outcome.stdout) as EcsOutcomes;

    expect([works.fresh, works.served]).toMatchObject(Array(2).fill({ status: 0, stderr: '' }));
    expect(signedBy).toEqual([expect.stringMatching(signer)]);
    expect(paths).toContain('GET /latest/meta-data/ram/security-credentials/edge-role');
    for (const run of [wrong.fresh, wrong.served]) {
      expect(run).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(refused) });
    }
    for (const [fault, { fresh, served }] of Object.entries(outages)) {
      const code = expect.stringMatching(others[fault] ?? unavailable) as unknown;
      expect({ fault, ...fresh }).toMatchObject({ fault, status: 1, stdout: '', stderr: code });
      expect({ fault, ...served }).toMatchObject({ fault, status: 0, stderr: code });
    }
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
    const env = sandbox.environment({ ...noAccessKey, ALIBABA_CLOUD_ECS_METADATA_DISABLED: undefined });
    const start = performance.now();
    const outcome = await runProgram(file, args, { env, timeoutMs: 30_000 });
    expect(performance.now() - start).toBeLessThan(1000);
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^kubectl-eck: No Alibaba Cloud identity was found \[identity-not-found\]\n/);
  });
});

describeWith([{ name: 'strace', available: onPath('strace') }], 'serving a cached credential', () => {
  useSandbox();
  beforeEach(() => sandbox.writeProfiles([{ name: 'work' }]));
  const otherKey = {
    ALICLOUD_ACCESS_KEY_ID: 'LTAI5tTestAccessKeyId000',
    ALICLOUD_ACCESS_KEY_SECRET: 'TestAccessKeySecret00000000001',
  };
  const identities: [string, Record<string, string | undefined>, string[]][] = [
    ['an AccessKey in the environment', {}, []],
    ['a profile that is named', noAccessKey, ['--profile', 'work']],
    ['the current profile', noAccessKey, []],
    ['a profile that a variable names', { ...noAccessKey, ALIBABACLOUD_PROFILE: 'work' }, []],
    ['an AccessKey in other variables', { ...noAccessKey, ...otherKey, ALIBABA_CLOUD_IGNORE_PROFILE: 'TRUE' }, []],
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
