import { expect, test } from '@jest/globals';
import { chmod, readFile, stat } from 'node:fs/promises';
import { currentKubectl } from '../support/kubectl.js';
import { describeWith } from '../support/requirements.js';
import { lovedKubeconfig, withPlaces } from '../kubeconfig/fixtures.js';
import { sandbox, shareSandbox } from '../support/each-sandbox.js';
import { tokenPrograms, toolKubeconfigs } from '../support/tool-kubeconfigs.js';

const nothing = { server: '', authority: '', certificate: '', key: '', token: '', directory: '' };

shareSandbox();

const handwritten = withPlaces(lovedKubeconfig, '').before;

/** Every old line is there, in order; lines between them are our three entries. */
function expectOnlyOurs(before: string, after: string): void {
  const old = before.split('\n');
  let position = 0;
  const added = after.split('\n').filter((line) => {
    if (line !== old[position]) return true;
    position += 1;
    return false;
  });
  expect(position).toBe(old.length);
  expect(added.filter((line) => line.includes('name: eck-0123abcd'))).toHaveLength(3);
}

test('a handwritten kubeconfig stays the same text, and gets the new entries once', async () => {
  const file = await sandbox.writeHome('.kube/config', handwritten);
  const args = ['get-credentials', sandbox.clusterId, '--keep-current-context'];
  expect(await sandbox.run(args)).toMatchObject({ status: 0 });

  const after = await readFile(file, 'utf8');
  expectOnlyOurs(handwritten, after);

  const { mtimeMs, ino } = await stat(file);
  expect(await sandbox.run(args)).toMatchObject({ status: 0 });
  expect(await readFile(file, 'utf8')).toBe(after);
  expect(await stat(file)).toMatchObject({ mtimeMs, ino });
});

describeWith([currentKubectl], 'kubectl', () => {
  test('uses the new context beside the old ones', async () => {
    await sandbox.writeHome('.kube/config', handwritten);
    const options = ['--context', 'edge one', '--namespace', 'tools'];
    await sandbox.run(['get-credentials', sandbox.clusterId, ...options]);
    const view = await sandbox.kubectl(currentKubectl.kubectl, ['config', 'get-contexts', '--no-headers']);
    expect(view.stdout.trim().split('\n')).toHaveLength(11);
    expect(view.stdout).toMatch(/^\*\s+edge one\s+edge one\s+edge one\s+tools$/m);
    expect(await sandbox.kubectl(currentKubectl.kubectl, ['get', 'nodes'])).toMatchObject({ status: 0 });
  });

  test.each(Object.keys(toolKubeconfigs(nothing)))(
    'uses every context of a kubeconfig of %s before and after, and removed entries leave the same text',
    async (tool) => {
      const { authority, apiServer, clusterId } = sandbox;
      const token = 'sha256~4fU2xrpbFcC8V_ccsRqrn86vz6g55kWR0W2Y';
      apiServer.tokens.add(token);
      const { certificatePem, privateKeyPem } = await authority.issue({ commonName: 'tool' });
      const access = {
        ...{ server: apiServer.url, authority: authority.certificatePem, token },
        ...{ certificate: certificatePem, key: privateKeyPem, directory: sandbox.home },
      };
      await sandbox.writeHome('ca.crt', access.authority);
      await sandbox.writeHome('client.crt', access.certificate);
      await sandbox.writeHome('client.key', access.key);
      const apiVersion = 'client.authentication.k8s.io/v1beta1';
      const answer = JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token } });
      for (const name of tokenPrograms) {
        await chmod(await sandbox.writeHome(name, `#!/bin/sh\necho '${answer}'\n`), 0o755);
      }
      const text = toolKubeconfigs(access)[tool as 'EKS'];
      const file = await sandbox.writeHome('.kube/config', text);
      const env = { PATH: `${sandbox.home}:${sandbox.environment()['PATH']}` };
      const run = (...args: string[]) => sandbox.kubectl(currentKubectl.kubectl, args, { env });
      const expectNodes = async (contexts: readonly string[]): Promise<void> => {
        for (const context of contexts) {
          const { status, stderr } = await run('--context', context, 'get', 'nodes');
          expect({ context, status, stderr }).toEqual({ context, status: 0, stderr: '' });
        }
      };
      const contexts = (await run('config', 'get-contexts', '-o', 'name')).stdout.trim().split('\n');
      await expectNodes(contexts);

      await sandbox.run(['get-credentials', clusterId, '--keep-current-context']);
      expectOnlyOurs(text, await readFile(file, 'utf8'));
      await expectNodes([...contexts, clusterId]);

      await sandbox.run(['logout', clusterId, '--remove-contexts']);
      expect(await readFile(file, 'utf8')).toBe(text);
    },
  );
});
