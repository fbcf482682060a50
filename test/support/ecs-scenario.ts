// Plays an ECS instance: run it in a network namespace of its own, in which 100.100.100.200 is an address of the
// loopback device. Signs in with the instance's RAM role, and prints what the program did as JSON.
//
// Usage: ecs-scenario.ts MODE, where MODE is what the metadata service does: works | refuses | hangs
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Sandbox } from './sandbox.js';

const [, , mode] = process.argv;
const role = 'edge-role';
const identity = {
  accessKeyId: 'STS.ecs',
  accessKeySecret: 'EcsSecret000000000000000000000',
  securityToken: 'EcsToken0000000000000000000000',
  name: role,
};

const paths: string[] = [];
const metadata = createServer((request, response) => {
  paths.push(`${request.method ?? ''} ${request.url ?? ''}`);
  if (mode === 'hangs') return;
  if (mode === 'refuses') {
    response.writeHead(404).end('not found');
  } else if (request.url === '/latest/api/token') {
    response.end('metadata-token');
  } else if (request.url === '/latest/meta-data/ram/security-credentials/') {
    response.end(role);
  } else {
    response.end(
      JSON.stringify({
        Code: 'Success',
        AccessKeyId: identity.accessKeyId,
        AccessKeySecret: identity.accessKeySecret,
        SecurityToken: identity.securityToken,
        Expiration: new Date(Date.now() + 6 * 3_600_000).toISOString(),
      }),
    );
  }
});
metadata.listen(80, '100.100.100.200');
await once(metadata, 'listening');

const sandbox = await Sandbox.create();
sandbox.ens.putIdentity(identity);
const outcome = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId], {
  env: {
    ALIBABA_CLOUD_ACCESS_KEY_ID: undefined,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined,
    ALIBABA_CLOUD_ECS_METADATA_DISABLED: undefined,
    // A proxy that is not there: the metadata service must not be asked through it.
    HTTP_PROXY: 'http://127.0.0.1:9',
  },
});
console.log(
  JSON.stringify({ ...outcome, paths, signedBy: sandbox.ens.log.map(({ accessKeyId }) => accessKeyId) }),
);
await sandbox.dispose();
process.exit(0);
