// Signs in as the RAM role of an ECS instance with each fault of its metadata service, and prints the outcomes as JSON.
// Run it in a network namespace where 100.100.100.200 is a loopback address.
//
// Usage: ecs-scenario.ts [MODE] (of a profile of the aliyun CLI; without it, the instance has no profile)
import { createServer } from 'node:http';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome } from './kubectl.js';
import { OutsideWorld } from './outside-world.js';
import { noAccessKey, Sandbox } from './sandbox.js';

const faults = ['works', 'wrong', 'expired', 'hangs', 'refuses', 'unreachable'] as const;
export type EcsFault = (typeof faults)[number];
/** `served` is what became of a cached credential that is due. */
export type EcsOutcomes = Record<EcsFault, { fresh: Outcome; served: Outcome }> & {
  paths: string[];
  signedBy: (string | undefined)[];
};

const [, , mode] = process.argv;
const identity = {
  accessKeyId: 'STS.ecs',
  accessKeySecret: 'EcsSecret000000000000000000000',
  securityToken: 'EcsToken0000000000000000000000',
  name: 'edge-role',
};
const roles = '/latest/meta-data/ram/security-credentials/';
let fault: EcsFault = 'works';

function answerTo(url = ''): string | undefined {
  if (url !== `${roles}edge-role`) return { '/latest/api/token': 'metadata-token', [roles]: 'edge-role' }[url];
  const hours = fault === 'expired' ? -1 : 6;
  return JSON.stringify({
    Code: 'Success',
    AccessKeyId: identity.accessKeyId,
    AccessKeySecret: fault === 'wrong' ? 'wrong' : identity.accessKeySecret,
    SecurityToken: identity.securityToken,
    Expiration: new Date(Date.now() + hours * 3_600_000).toISOString(),
  });
}

const paths: string[] = [];
const metadata = createServer(({ method = '', url = '' }, response) => {
  paths.push(`${method} ${url}`);
  if (fault === 'refuses') response.writeHead(404).end('not found');
  else if (fault !== 'hangs') response.end(answerTo(url));
});
metadata.listen(80, '100.100.100.200');
await once(metadata, 'listening');

const sandbox = await Sandbox.create();
sandbox.ens.putIdentity(identity);
const outside = await OutsideWorld.start(sandbox);
if (mode !== undefined) {
  const ram_role_arn = 'acs:ram::1234567890123456:role/edge';
  await sandbox.writeProfiles([{ name: 'ecs', mode, ram_role_arn }]);
}

function run(maxAge = '1h'): Promise<Outcome> {
  const env = {
    ...outside.environment,
    ...noAccessKey,
    ALIBABA_CLOUD_ECS_METADATA_DISABLED: undefined,
    // The metadata service must not be asked through a proxy. This one does not exist.
    HTTP_PROXY: 'http://127.0.0.1:9',
    KUBECTL_ECK_MAX_AGE: maxAge,
    KUBECTL_ECK_TIMEOUT: fault === 'hangs' ? '1s' : '5s',
  };
  return sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId], { env });
}

const clear = (): Promise<void> => rm(join(sandbox.home, '.kube/cache'), { recursive: true });
const outcomes: Partial<EcsOutcomes> = { paths };
for (const next of faults) {
  fault = 'works';
  await run();
  outcomes.signedBy ??= sandbox.ens.log.map((call) => call.accessKeyId);
  fault = next;
  if (fault === 'unreachable') {
    metadata.closeAllConnections();
    metadata.close();
  }
  const served = await run('1ms');
  await clear();
  outcomes[fault] = { fresh: await run(), served };
  await clear();
}
console.log(JSON.stringify(outcomes));
await outside.stop();
await sandbox.dispose();
process.exit(0);
