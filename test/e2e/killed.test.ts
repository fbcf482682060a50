import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import type { Outcome } from '../support/kubectl.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { programs } from '../support/sandbox.js';

useSandbox();

/** Every run renews, takes the lock and writes. */
const renewArgs = (): string[] => ['exec-credential', '--cluster-id', sandbox.clusterId, '--max-age', '1ms'];

function start(args: readonly string[]) {
  const options = { env: sandbox.environment(), cwd: sandbox.directory, stdio: 'ignore' } as const;
  return spawn(programs.standalone, args, options);
}

function expectWholeAnswer({ status, stdout, stderr }: Outcome): void {
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const answer = JSON.parse(stdout) as { status: Record<'clientCertificateData' | 'clientKeyData', string> };
  const { clientCertificateData, clientKeyData } = answer.status;
  const key = createPrivateKey(clientKeyData);
  expect(new X509Certificate(clientCertificateData).checkPrivateKey(key)).toBe(true);
}

/** As inputs of properties: more in CI. */
const kills = process.env['CI'] === 'true' ? 500 : 150;

test(`${kills} runs that are killed at random leave whole answers to 4 other processes, and a whole kubeconfig`, async () => {
  const lock = `${sandbox.kubeconfig}.lock`;
  let isOver = false;
  const others = Array.from({ length: 4 }, async () => {
    let answers = 0;
    for (; !isOver || answers === 0; answers += 1) {
      // Several holders may die one after another, and each is waited for.
      expectWholeAnswer(await sandbox.run([...renewArgs(), '--timeout', '60s'], { timeoutMs: 90_000 }));
    }
    return answers;
  });

  const victims = async (): Promise<void> => {
    for (let run = 0; run < kills; run += 1) {
      const args = run % 2 === 0 ? renewArgs() : ['get-credentials', sandbox.clusterId];
      const victim = start(args);
      const ended = once(victim, 'exit');
      await Promise.race([ended, delay(Math.random() * 120)]);
      victim.kill('SIGKILL');
      await ended;
      // As kubectl's own, this lock stays after its process was killed.
      rmSync(lock, { force: true });
      if (existsSync(sandbox.kubeconfig)) {
        const contexts = [{ name: sandbox.clusterId }];
        expect(parse(readFileSync(sandbox.kubeconfig, 'utf8'))).toMatchObject({ contexts });
      }
    }
  };
  await victims().finally(() => (isOver = true));
  const answers = await Promise.all(others);
  expect(Math.min(...answers)).toBeGreaterThan(0);
  expectWholeAnswer(await sandbox.run(renewArgs()));
}, 240_000);

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'a process that renews and gets %s delays another one by 5 seconds at most',
  async (signal) => {
    sandbox.ens.failNext(1, { kind: 'hang' });
    const holder = start(renewArgs());
    try {
      await sandbox.ens.waitForCalls(1);
      holder.kill(signal);
      const begin = performance.now();
      expectWholeAnswer(await sandbox.run(renewArgs()));
      expect(performance.now() - begin).toBeLessThan(5000);
    } finally {
      holder.kill('SIGKILL');
    }
  },
);
