import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { CertificateAuthority, type IssuedCertificate } from './certificate-authority.js';
import { issuedConfig } from './issued-kubeconfig.js';
import { currentKubectl } from './kubectl.js';
import type { Requirement } from './requirements.js';
import { runProgram, type Sandbox } from './sandbox.js';
import { startTied, until, type TiedProcess } from './tied-process.js';

const directory = process.env['KUBECTL_ECK_TEST_CLUSTER'] ?? '/nonexistent';

/** A program of `.ci/provide-cluster`. */
export const clusterProgram = (name: string): string => join(directory, name);

/** Needed by {@link KubeApiserver} and by the programs beside it. */
export const clusterRequirement: Requirement = {
  name: 'kube-apiserver, built with Go',
  available: ['etcd', 'kube-apiserver', 'helm', 'informer'].map(clusterProgram).every(existsSync),
  isOptional: true,
};

/** A real cluster without machines: kube-apiserver and etcd, and two Nodes that are only written down. */
export class KubeApiserver {
  #daemons: TiedProcess[] = [];

  private constructor(
    readonly directory: string,
    /** Signs the certificate of the server and that of an administrator. */
    readonly authority: CertificateAuthority,
    readonly host: string,
  ) {}

  static async start(): Promise<KubeApiserver> {
    const authority = await CertificateAuthority.create({ name: 'kube-apiserver CA' });
    // Of its own, so that the port is free.
    const host = `127.${[1, 2, 3].map(() => randomInt(1, 255)).join('.')}`;
    const server = new KubeApiserver(await mkdtemp(join(tmpdir(), 'kubectl-eck-cluster-')), authority, host);
    try {
      await server.#start();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get url(): string {
    return `https://${this.host}:6443`;
  }

  async stop(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) await daemon.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Makes the sandbox's cluster one of this server, with a client CA of its own. What another CA signed is revoked. */
  async issueFor(sandbox: Sandbox): Promise<CertificateAuthority> {
    const authority = await CertificateAuthority.create({ name: 'client CA' });
    sandbox.putCluster({ server: this.url, authority, serverAuthority: this.authority });
    await writeFile(join(this.directory, 'new'), this.authority.certificatePem + authority.certificatePem);
    await rename(join(this.directory, 'new'), join(this.directory, 'client-ca'));
    await this.#untilAccepted(await authority.issue({ commonName: 'probe' }));
    return authority;
  }

  /** Runs kubectl as an administrator. @returns what it prints */
  async kubectl(args: readonly string[], stdin = ''): Promise<string> {
    const kubeconfig = ['--kubeconfig', join(this.directory, 'admin'), ...args];
    const env = { PATH: process.env['PATH'], HOME: this.directory };
    const outcome = await runProgram(currentKubectl.kubectl.path, kubeconfig, { env, stdin, timeoutMs: 30_000 });
    if (outcome.status !== 0) throw new Error(outcome.stderr);
    return outcome.stdout;
  }

  async #start(): Promise<void> {
    const { authority, host } = this;
    const file = (name: string): string => join(this.directory, name);
    const server = await authority.issue({
      ...{ commonName: 'kube-apiserver', usage: 'server', subjectAltNames: [host] },
      // Of the forms that are read for service accounts.
      encoding: 'sec1',
    });
    const admin = await authority.issue({ commonName: 'admin', organizations: ['system:masters'] });
    const config = issuedConfig({ clusterId: 'real', authority, server: this.url }, this.url, admin, {});
    await writeFile(file('admin'), String(config), { mode: 0o600 });
    await writeFile(file('certificate'), server.certificatePem);
    await writeFile(file('key'), server.privateKeyPem, { mode: 0o600 });
    await writeFile(file('client-ca'), authority.certificatePem);

    this.#run([
      ...[clusterProgram('etcd'), `--data-dir=${file('etcd')}`, '--unsafe-no-fsync', '--log-level=error'],
      ...['--listen-client-urls=unix://client:1', '--advertise-client-urls=unix://client:1'],
      ...['--listen-peer-urls=unix://peer:1', '--initial-advertise-peer-urls=unix://peer:1'],
      '--initial-cluster=default=unix://peer:1',
    ]);
    this.#run([
      ...[clusterProgram('kube-apiserver'), '--etcd-servers=unix://client:1', `--bind-address=${host}`],
      ...[`--tls-cert-file=${file('certificate')}`, `--tls-private-key-file=${file('key')}`],
      ...[`--client-ca-file=${file('client-ca')}`, '--authorization-mode=RBAC', '--secure-port=6443'],
      ...[`--service-account-key-file=${file('key')}`, `--service-account-signing-key-file=${file('key')}`],
      ...['--service-account-issuer=https://issuer.example', '--service-cluster-ip-range=10.0.0.0/24'],
      ...['--endpoint-reconciler-type=none', '--disable-admission-plugins=ServiceAccount'],
    ]);
    await this.#untilAccepted(admin);
    const nodes = ['node-1', 'node-2'].map((name) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } }));
    await this.kubectl(['create', '-f', '-'], nodes.map((node) => stringify(node)).join('---\n'));
  }

  #run(argv: readonly string[]): void {
    this.#daemons.push(startTied(argv, { env: {}, cwd: this.directory }));
  }

  #untilAccepted({ certificatePem: cert, privateKeyPem: key }: IssuedCertificate): Promise<true> {
    const options = { cert, key, ca: this.authority.certificatePem, agent: false };
    const ask = () =>
      new Promise<true | undefined>((resolve) => {
        get(`${this.url}/readyz`, options, ({ statusCode }) => {
          resolve(statusCode === 200 ? true : undefined);
        }).on('error', () => {
          resolve(undefined);
        });
      });
    return until('kube-apiserver', ask, 60_000);
  }
}
