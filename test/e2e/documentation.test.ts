import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { noAccessKey, repository } from '../support/sandbox.js';

useSandbox();

/** The commands of this plugin in the examples of the documentation. */
function documented(): string[] {
  const pages = ['.', 'docs', 'docs/zh-CN'].flatMap((folder) =>
    readdirSync(join(repository, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => readFileSync(join(repository, folder, name), 'utf8')),
  );
  const examples = pages.flatMap((text) => text.match(/^```sh$.*?^```$/gms) ?? []);
  const commands = examples.flatMap((text) => text.match(/(?<=^kubectl eck ).*$/gm) ?? []);
  // Other tests have those that need another host, a kubeconfig with a key, or a certain kubectl.
  return [...new Set(commands)].filter((command) => !/--site |^(?:convert|doctor)\b/.test(command)).sort();
}

test.each(documented())('kubectl eck %s works as documented', async (command) => {
  sandbox.putCluster({ name: 'shop-hangzhou' });
  await sandbox.writeProfiles([{ name: 'work', region_id: 'cn-hangzhou' }]);
  const env = noAccessKey;
  expect(await sandbox.run(['login', 'shop-hangzhou'], { env })).toMatchObject({ status: 0 });
  expect(await sandbox.run(command.split(' '), { env })).toMatchObject({ status: 0 });
});
