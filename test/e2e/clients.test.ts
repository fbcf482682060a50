// Clients that take no new credential from the plugin after a 401, unlike kubectl. docs/clients.md says what others do.
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { nodeClient, ProgramClient, pythonClient, type ClientProgram } from '../support/client-programs.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { describeWith } from '../support/requirements.js';

let client: ProgramClient | undefined;
// Before the sandbox looks for keys in files.
afterEach(async () => {
  await client?.stop();
  client = undefined;
});
useSandbox();

/** @returns the number of nodes, or an HTTP status */
const ask = (what: 'load' | 'list') => client?.ask({ load: what === 'load', context: sandbox.clusterId });

async function start(program: ClientProgram): Promise<void> {
  expect(await sandbox.run(['get-credentials', sandbox.clusterId])).toMatchObject({ status: 0 });
  sandbox.ens.issuing = {};
  client = new ProgramClient(program.command, sandbox.environment());
  expect(await ask('load')).toBe(2);
  expect(await ask('list')).toBe(2);
  expect(sandbox.ens.calls()).toBe(1);
}

for (const program of [pythonClient, nodeClient]) {
  describeWith([program], program.name, () => {
    const again = program.renews ? 2 : 401;

    test(`answers ${again} after the end of the certificate, and works if it loads the configuration again`, async () => {
      sandbox.ens.issuing = { lifetimeMs: 8000 };
      await start(program);
      await delay((sandbox.ens.issued[0]?.notAfter.getTime() ?? 0) + 10 - Date.now());
      expect(await ask('list')).toBe(again);
      expect(await ask('load')).toBe(2);
      expect(sandbox.ens.calls()).toBe(2);
    });

    test('fails after a revocation until it loads the configuration again', async () => {
      await start(program);
      sandbox.apiServer.revoke(String(sandbox.ens.issued[0]?.serialNumber));
      expect(await ask('list')).toBe(401);
      expect(await ask('list')).toBe(401);
      expect(sandbox.ens.calls()).toBe(1);
      expect(await ask('load')).toBe(2);
      expect(sandbox.ens.calls()).toBe(2);
    });
  });
}
