import { expect, test } from '@jest/globals';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { currentKubectl } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';

const rsa = (['rsa-2048', 'rsa-4096'] as const).flatMap((key) =>
  (['pkcs1', 'pkcs8'] as const).map((encoding) => ({ key, encoding })),
);
const ec = (['p-256', 'p-384'] as const).flatMap((key) =>
  (['sec1', 'sec1-with-parameters', 'pkcs8'] as const).map((encoding) => ({ key, encoding })),
);

describeWith([currentKubectl], 'kubectl', () => {
  useSandbox();

  test.each([...rsa, ...ec])('authenticates with a key of $key in $encoding, and a chain of three', async (issuing) => {
    sandbox.ens.issuing = { ...issuing, chainLength: 3 };
    expect(await sandbox.run(['get-credentials', sandbox.clusterId])).toMatchObject({ status: 0 });
    const nodes = await sandbox.kubectl(currentKubectl.kubectl, ['get', 'nodes']);
    expect(nodes).toMatchObject({ status: 0, stderr: '' });
    const issued = sandbox.ens.issued.at(-1);
    expect(issued?.certificatePem.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    expect(sandbox.apiServer.requests.at(-1)?.serialNumber).toBe(issued?.serialNumber);
  });
});
