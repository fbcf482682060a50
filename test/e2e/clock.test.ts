import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { programs, runProgram, Sandbox } from '../support/sandbox.js';

const hourMs = 3_600_000;

describeWith([{ name: 'faketime', available: onPath('faketime') }], 'with a wrong clock', () => {
  let sandbox: Sandbox;

  beforeEach(async () => {
    sandbox = await Sandbox.create();
  });

  afterEach(async () => {
    await sandbox.dispose();
  });

  async function ask(clockOffsetMs: number): Promise<{ expiration: Date; stderr: string }> {
    const sign = clockOffsetMs < 0 ? '-' : '+';
    const argv = ['-f', `${sign}${Math.abs(clockOffsetMs) / 1000}s`, programs.standalone];
    const { status, stdout, stderr } = await runProgram(
      'faketime',
      [...argv, 'exec-credential', '--cluster-id', sandbox.clusterId],
      { env: sandbox.environment(), timeoutMs: 30_000 },
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const answer = JSON.parse(stdout) as { status: { expirationTimestamp: string } };
    const { expirationTimestamp } = answer.status;
    return { expiration: new Date(expirationTimestamp), stderr };
  }

  test.each([
    ['an hour ahead', hourMs],
    ['an hour behind', -hourMs],
  ])('%s, as that of ENS, a credential is fetched once and cached', async (_, offsetMs) => {
    sandbox.ens.clockOffsetMs = offsetMs;
    for (let request = 0; request < 3; request += 1) {
      const { expiration, stderr } = await ask(offsetMs);
      expect(stderr).toBe('');
      expect(expiration.getTime()).toBeGreaterThan(Date.now() + offsetMs);
    }
    expect(sandbox.ens.calls()).toBe(1);
  });

  test.each([
    ['ahead', hourMs],
    ['behind', -hourMs],
  ])('set an hour %s after a credential was fetched, there is no loop of renewals', async (_, offsetMs) => {
    await ask(0);
    for (let request = 0; request < 5; request += 1) {
      const { expiration } = await ask(offsetMs);
      expect(expiration.getTime()).toBeGreaterThan(Date.now() + offsetMs);
    }
    expect(sandbox.ens.calls()).toBeLessThanOrEqual(2);
    // At the right time again.
    expect((await ask(0)).expiration.getTime()).toBeGreaterThan(Date.now());
    expect(sandbox.ens.calls()).toBeLessThanOrEqual(3);
  });

  test('past the end of the certificate, ENS says by how much the clock is off', async () => {
    sandbox.ens.issuing = { lifetimeMs: hourMs / 2 };
    await ask(0);
    const { status, stdout, stderr } = await runProgram(
      'faketime',
      ['-f', '+3600s', programs.standalone, 'exec-credential', '--cluster-id', sandbox.clusterId],
      { env: sandbox.environment(), timeoutMs: 30_000 },
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/clock is 60 min ahead of ENS.*\[ens-clock-skew\]\n(.+\n)?$/);
  });
});
