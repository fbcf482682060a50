// Plays a network whose IPv6 goes nowhere: run it in a network namespace of its own, in which dual.test has two
// addresses, one that swallows packets and 127.0.0.1. Prints what the program did as JSON.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority } from './certificate-authority.js';
import { Sandbox, type Program } from './sandbox.js';
import { TlsFront } from './tls-front.js';

const [, , program] = process.argv;
const sandbox = await Sandbox.create();
const authority = await CertificateAuthority.create({ name: 'outside world CA' });
const names = { commonName: 'dual.test', subjectAltNames: ['dual.test'] };
const front = await TlsFront.start(
  await authority.issue({ ...names, usage: 'server' }),
  sandbox.ens.endpoint,
);
const authorityFile = join(sandbox.directory, 'authority.pem');
writeFileSync(authorityFile, authority.certificatePem);
const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--endpoint', `dual.test:${front.port}`];
const outcome = await sandbox.run(args, {
  program: program as Program,
  env: { KUBECTL_ECK_ENDPOINT: undefined, NODE_EXTRA_CA_CERTS: authorityFile },
});
console.log(JSON.stringify(outcome));
await front.stop();
await sandbox.dispose();
process.exit(0);
