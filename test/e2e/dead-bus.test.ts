import { spawnSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { startFakeBus } from '../support/fake-bus.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import type { Program } from '../support/sandbox.js';
import { sessionBusRequirement, startSessionBus } from '../support/secret-service.js';

useSandbox();

interface Bus {
  readonly environment: Readonly<Record<string, string | undefined>>;
  stop(): Promise<void> | void;
}

const signIn = 'OK 0123456789abcdef0123456789abcdef\r\n';

/** One byte each second, from which a sign-in would take longer than any limit. */
function drip(socket: Socket): void {
  let sent = 0;
  const timer = setInterval(() => socket.write(signIn.charAt(sent++)), 1000);
  socket.once('close', () => {
    clearInterval(timer);
  });
}

function flood(socket: Socket, remainingBytes = 2 ** 30): void {
  const block = Buffer.alloc(1 << 20, 'l');
  while (remainingBytes > 0) {
    remainingBytes -= block.length;
    if (!socket.write(block)) break;
  }
  socket.once('drain', () => {
    flood(socket, remainingBytes);
  });
}

async function stoppedDaemon(): Promise<Bus> {
  const bus = await startSessionBus();
  const signal = (name: string) => spawnSync('pkill', [`-${name}`, '-f', `config-file=${bus.directory}/`]);
  signal('STOP');
  return {
    environment: bus.environment,
    async stop() {
      signal('CONT');
      await bus.stop();
    },
  };
}

const buses: readonly (readonly [string, () => Promise<Bus>, RegExp])[] = [
  ['is stopped', stoppedDaemon, /\[keychain-timeout\]/],
  ['answers only the sign-in', () => startFakeBus((socket) => socket.write(signIn)), /\[keychain-timeout\]/],
  ['sends a byte a second', () => startFakeBus(drip), /\[keychain-timeout\]/],
  ['sends a gigabyte', () => startFakeBus(flood), /\[keychain-(?:timeout|absent)\]/],
];
const pkill = { name: 'pkill', available: onPath('pkill') };

describeWith([sessionBusRequirement, pkill], 'a session bus that', () => {
  describe.each(buses)('%s', (_, start, code) => {
    test.each<Program>(['standalone', 'node'])('delays the %s program by five seconds', async (program) => {
      const bus = await start();
      try {
        const ask = async (store: string) => {
          const started = performance.now();
          const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--store', store];
          // Each with records of its own, so that none waits for another one's lock or skips the keychain.
          const env = { ...bus.environment, KUBECACHEDIR: `${sandbox.home}/${store}` };
          const outcome = await sandbox.run(args, { env, program });
          return { ...outcome, tookMs: performance.now() - started };
        };
        const [auto, keychain] = await Promise.all([ask('auto'), ask('keychain')]);
        expect(auto).toMatchObject({
          status: 0,
          stdout: expect.stringContaining('clientKeyData') as unknown,
        });
        expect(auto.tookMs).toBeLessThan(8000);
        expect(keychain).toMatchObject({
          status: 1,
          stdout: '',
          stderr: expect.stringMatching(code) as unknown,
        });
        expect(keychain.tookMs).toBeLessThan(6000);
        expect((await ask('auto')).tookMs).toBeLessThan(4000);
      } finally {
        await bus.stop();
      }
    });
  });

  describeWith([kernelKeyringRequirement], 'is stopped', () => {
    test('leaves the kernel keyring to answer, at once in the next minute', async () => {
      const [bus, keyring] = [await stoppedDaemon(), await startSessionKeyring()];
      try {
        const env = sandbox.environment({ ...bus.environment, KUBECTL_ECK_STORE: undefined });
        const ask = async (...args: string[]) => {
          const started = performance.now();
          expect(await keyring.run(['kubectl-eck', ...args], env)).toMatchObject({ status: 0 });
          return performance.now() - started;
        };
        await ask('get-credentials', sandbox.clusterId);
        expect(await ask('exec-credential', '--cluster-id', sandbox.clusterId)).toBeLessThan(2000);
        expect(sandbox.ens.calls()).toBe(1);
      } finally {
        await keyring.stop();
        await bus.stop();
      }
    });
  });
});
