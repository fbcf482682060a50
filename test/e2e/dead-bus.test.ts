import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import type { Program } from '../support/sandbox.js';
import { sessionBusRequirement, startSessionBus } from '../support/secret-service.js';
import { stopAfterTest } from '../support/stop-after-test.js';

useSandbox();

/** A bus that accepts connections and never answers. */
async function stoppedDaemon() {
  const bus = await startSessionBus();
  const signal = (name: string) => spawnSync('pkill', [`-${name}`, '-f', `config-file=${bus.directory}/`]);
  stopAfterTest(bus);
  stopAfterTest({ stop: () => signal('CONT') });
  signal('STOP');
  return bus;
}

const pkill = { name: 'pkill', available: onPath('pkill') };

describeWith([sessionBusRequirement, pkill], 'a session bus that is stopped', () => {
  test.each<Program>(['standalone', 'node'])('delays the %s program by five seconds', async (program) => {
    const bus = await stoppedDaemon();
    const ask = async (store: string) => {
      const started = performance.now();
      const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--store', store];
      // Each with records of its own, so that none waits for another one's lock or skips the keychain.
      const env = { ...bus.environment, KUBECACHEDIR: `${sandbox.home}/${store}` };
      const outcome = await sandbox.run(args, { env, program });
      return { ...outcome, tookMs: performance.now() - started };
    };
    const [auto, keychain] = await Promise.all([ask('auto'), ask('keychain')]);
    expect(auto).toMatchObject({ status: 0, stdout: expect.stringContaining('clientKeyData') });
    expect(auto.tookMs).toBeLessThan(8000);
    expect(keychain).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('[keychain-timeout]') });
    expect(keychain.tookMs).toBeLessThan(6000);
    expect((await ask('auto')).tookMs).toBeLessThan(4000);
  });

  describeWith([kernelKeyringRequirement], 'with a kernel keyring', () => {
    test('leaves that to answer, at once in the next minute', async () => {
      const bus = await stoppedDaemon();
      const keyring = stopAfterTest(await startSessionKeyring());
      const env = sandbox.environment({ ...bus.environment, KUBECTL_ECK_STORE: undefined });
      const ask = async (...args: string[]) => {
        const started = performance.now();
        expect(await keyring.run(['kubectl-eck', ...args], env)).toMatchObject({ status: 0 });
        return performance.now() - started;
      };
      await ask('get-credentials', sandbox.clusterId);
      expect(await ask('exec-credential', '--cluster-id', sandbox.clusterId)).toBeLessThan(2000);
      expect(sandbox.ens.calls()).toBe(1);
    });
  });
});
