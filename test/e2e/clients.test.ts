// Clients that run for long, with the API server of the tests and with a real one. docs/clients.md says what others do.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Client, clientPrograms, type ClientProgram } from '../support/clients.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { clusterRequirement, KubeApiserver } from '../support/kube-apiserver.js';
import { describeWith } from '../support/requirements.js';

let client: Client | undefined;
// Before the sandbox looks for keys in files.
afterEach(async () => {
  await client?.stop();
  client = undefined;
});
useSandbox();

async function start(program: ClientProgram): Promise<Client> {
  expect(await sandbox.run(['get-credentials', sandbox.clusterId])).toMatchObject({ status: 0 });
  sandbox.ens.issuing = {};
  client = new Client(program.command, sandbox.environment());
  expect(await client.ask({ load: true })).toBe(2);
  expect(await client.ask()).toBe(2);
  expect(sandbox.ens.calls()).toBe(1);
  return client;
}

/** @param revoke makes the API server reject the certificates that were issued */
function testClients(prepare: () => unknown, revoke: () => unknown): void {
  for (const program of clientPrograms) {
    describeWith([program], program.title, () => {
      const atTheEnd = program.renews ? 2 : 401;
      test(`answers ${atTheEnd} after the end of the certificate, and works if it loads the configuration again`, async () => {
        await prepare();
        sandbox.ens.issuing = { lifetimeMs: 8000 };
        const started = await start(program);
        await delay((sandbox.ens.issued[0]?.notAfter.getTime() ?? 0) + 10 - Date.now());
        expect(await started.ask()).toBe(atTheEnd);
        expect(await started.ask({ load: true })).toBe(2);
        expect(sandbox.ens.calls()).toBe(2);
      });

      const until = program.repairs ? 'once' : 'until it loads the configuration again';
      test(`fails after a revocation ${until}`, async () => {
        await prepare();
        const started = await start(program);
        await revoke();
        expect(await started.ask()).toBe(401);
        expect(await started.ask()).toBe(program.repairs ? 2 : 401);
        expect(await started.ask({ load: true })).toBe(2);
        expect(sandbox.ens.calls()).toBe(2);
      });
    });
  }
}

testClients(
  () => undefined,
  () => {
    sandbox.apiServer.revoke(String(sandbox.ens.issued[0]?.serialNumber));
  },
);

describeWith([clusterRequirement], 'at a real API server', () => {
  let cluster: KubeApiserver;
  beforeAll(async () => {
    cluster = await KubeApiserver.start();
  });
  afterAll(() => cluster.stop());

  const issue = () => cluster.issueFor(sandbox);
  testClients(issue, issue);
});
