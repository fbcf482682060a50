// Signs in with an ECS instance's RAM role and prints the outcome as JSON. Run it in a network namespace where
// 100.100.100.200 is a loopback address.
//
// Usage: ecs-scenario.ts works|refuses|hangs (the metadata service)
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Sandbox } from './sandbox.js';

const [, , mode] = process.argv;
const keys = {
  AccessKeyId: 'STS.ecs',
  AccessKeySecret: 'EcsSecret000000000000000000000',
  SecurityToken: 'EcsToken0000000000000000000000',
  Expiration: new Date(Date.now() + 6 * 3_600_000).toISOString(),
};
const roles = '/latest/meta-data/ram/security-credentials/';
const answers = new Map([
  ['/latest/api/token', 'metadata-token'],
  [roles, 'edge-role'],
  [`${roles}edge-role`, JSON.stringify({ Code: 'Success', ...keys })],
]);

const paths: string[] = [];
const metadata = createServer(({ method = '', url = '' }, response) => {
  paths.push(`${method} ${url}`);
  if (mode === 'refuses') response.writeHead(404).end('not found');
  else if (mode === 'works') response.end(answers.get(url));
});
metadata.listen(80, '100.100.100.200');
await once(metadata, 'listening');

const sandbox = await Sandbox.create();
const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken } = keys;
sandbox.ens.putIdentity({ accessKeyId, accessKeySecret, securityToken, name: 'edge-role' });
const outcome = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId], {
  env: {
    ALIBABA_CLOUD_ACCESS_KEY_ID: undefined,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined,
    ALIBABA_CLOUD_ECS_METADATA_DISABLED: undefined,
    // The metadata service must not be asked through a proxy. This one does not exist.
    HTTP_PROXY: 'http://127.0.0.1:9',
  },
});
const signedBy = sandbox.ens.log.map((call) => call.accessKeyId);
console.log(JSON.stringify({ ...outcome, paths, signedBy }));
await sandbox.dispose();
process.exit(0);
