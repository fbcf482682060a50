// Calls ENS where IPv6 does not work and prints the outcome as JSON. Run it in a network namespace where dual.test has
// two addresses: one that drops packets, and 127.0.0.1.
//
// Usage: dual-stack-scenario.ts standalone|node
import { CertificateAuthority } from './certificate-authority.js';
import { Sandbox, type Program } from './sandbox.js';
import { TlsFront } from './tls-front.js';

const program = process.argv[2] as Program;
const sandbox = await Sandbox.create();
const authority = await CertificateAuthority.create({ name: 'another CA' });
const certificate = await authority.issue({
  commonName: 'dual.test',
  usage: 'server',
  subjectAltNames: ['dual.test'],
});
const front = await TlsFront.start(certificate, sandbox.ens.endpoint);
const env = {
  KUBECTL_ECK_ENDPOINT: `https://dual.test:${front.port}`,
  NODE_EXTRA_CA_CERTS: await sandbox.writeHome('authority.pem', authority.certificatePem),
};
const args = ['exec-credential', '--cluster-id', sandbox.clusterId];
console.log(JSON.stringify(await sandbox.run(args, { program, env })));
await front.stop();
await sandbox.dispose();
process.exit(0);
