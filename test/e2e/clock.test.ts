import { expect, test } from '@jest/globals';
import type { Outcome } from '../support/kubectl.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { programs, runProgram } from '../support/sandbox.js';

const hourMs = 3_600_000;

describeWith([{ name: 'faketime', available: onPath('faketime') }], 'with a wrong clock', () => {
  useSandbox();

  function run(clockOffsetMs: number): Promise<Outcome> {
    const offset = `${clockOffsetMs < 0 ? '' : '+'}${clockOffsetMs / 1000}s`;
    const argv = [programs.standalone, 'exec-credential', '--cluster-id', sandbox.clusterId];
    const options = { env: sandbox.environment(), timeoutMs: 30_000 };
    return runProgram('faketime', ['-f', offset, ...argv], options);
  }

  /** Expects an answer that is not due yet. @returns what was printed on standard error */
  async function ask(clockOffsetMs: number): Promise<string> {
    const { status, stdout, stderr } = await run(clockOffsetMs);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const answer = JSON.parse(stdout) as { status: { expirationTimestamp: string } };
    expect(Date.parse(answer.status.expirationTimestamp)).toBeGreaterThan(Date.now() + clockOffsetMs);
    return stderr;
  }

  test.each([hourMs, -hourMs])('off by %d ms, as that of ENS, one credential is fetched', async (offsetMs) => {
    sandbox.ens.clockOffsetMs = offsetMs;
    for (let request = 0; request < 3; request += 1) expect(await ask(offsetMs)).toBe('');
    expect(sandbox.ens.calls()).toBe(1);
  });

  test.each([hourMs, -hourMs])('set to %d ms after a fetch, there is no loop of renewals', async (offsetMs) => {
    await ask(0);
    for (let request = 0; request < 5; request += 1) await ask(offsetMs);
    expect(sandbox.ens.calls()).toBeLessThanOrEqual(2);
    // At the right time again.
    await ask(0);
    expect(sandbox.ens.calls()).toBeLessThanOrEqual(3);
  });

  test('past the end of the certificate, ENS says by how much the clock is off', async () => {
    sandbox.ens.issuing = { lifetimeMs: hourMs / 2 };
    await ask(0);
    const { status, stdout, stderr } = await run(hourMs);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/clock is 60 min ahead of ENS.*\[ens-clock-skew\]\n(.+\n)?$/);
  });
});
