import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { currentKubectl } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { Sandbox } from '../support/sandbox.js';

const rsa = ['pkcs1', 'pkcs8'] as const;
const ec = ['sec1', 'sec1-with-parameters', 'pkcs8'] as const;
const keys = [
  ...rsa.map((encoding) => ({ key: 'rsa-2048', encoding }) as const),
  ...rsa.map((encoding) => ({ key: 'rsa-4096', encoding }) as const),
  ...ec.map((encoding) => ({ key: 'p-256', encoding }) as const),
  ...ec.map((encoding) => ({ key: 'p-384', encoding }) as const),
];

describeWith([currentKubectl], 'kubectl', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await Sandbox.create();
  });

  afterAll(async () => {
    await sandbox.dispose();
  });

  test.each(keys)('authenticates with a key of $key in $encoding, and a chain of three', async (issuing) => {
    sandbox.ens.issuing = { ...issuing, chainLength: 3 };
    expect(await sandbox.run(['get-credentials', sandbox.clusterId])).toMatchObject({ status: 0 });
    expect(await sandbox.kubectl(currentKubectl.kubectl, ['get', 'nodes'])).toMatchObject({
      status: 0,
      stderr: '',
    });
    const issued = sandbox.ens.issued.at(-1);
    expect(issued?.certificatePem.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    expect(sandbox.apiServer.requests.at(-1)?.serialNumber).toBe(issued?.serialNumber);
  });
});
