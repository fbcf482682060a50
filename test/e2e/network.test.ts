import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js';
import type { Outcome } from '../support/kubectl.js';
import { ProxyServer, type ProxyOptions } from '../support/proxy-server.js';
import { inNamespace, networkNamespaceRequirement } from '../support/network-namespace.js';
import { describeWith } from '../support/requirements.js';
import {
  programs,
  repository,
  runProgram,
  Sandbox,
  type Program,
  type RunOptions,
} from '../support/sandbox.js';
import { SocksServer } from '../support/socks-server.js';
import { TlsFront } from '../support/tls-front.js';

/** ENS by its real name, which nothing but a proxy of a test leads to anything. */
const ensHost = 'ens.aliyuncs.com';

let sandbox: Sandbox;
let authority: CertificateAuthority;
let authorityFile: string;
/** The ENS double behind TLS. */
let tlsServer: TlsFront;
let proxies: ProxyServer[];

beforeEach(async () => {
  sandbox = await Sandbox.create();
  authority = await CertificateAuthority.create({ name: 'outside world CA' });
  authorityFile = join(sandbox.directory, 'authority.pem');
  await writeFile(authorityFile, authority.certificatePem);
  tlsServer = await serveTls(await certificateFor([ensHost, '127.0.0.1']));
  proxies = [];
});

afterEach(async () => {
  for (const proxy of proxies) await proxy.stop();
  await tlsServer.stop();
  await sandbox.dispose();
});

function certificateFor(subjectAltNames: string[]): Promise<IssuedCertificate> {
  return authority.issue({ commonName: ensHost, usage: 'server', subjectAltNames });
}

const serveTls = (certificate: IssuedCertificate): Promise<TlsFront> =>
  TlsFront.start(certificate, sandbox.ens.endpoint);

async function startProxy(options: Partial<ProxyOptions> = {}): Promise<ProxyServer> {
  const proxy = await ProxyServer.start({ hosts: { [`${ensHost}:443`]: tlsServer.port }, ...options });
  proxies.push(proxy);
  return proxy;
}

function ask(
  env: RunOptions['env'],
  flags: readonly string[] = [],
  program: Program = 'standalone',
): Promise<Outcome> {
  const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--timeout', '2s', ...flags];
  const trusting = { KUBECTL_ECK_ENDPOINT: undefined, NODE_EXTRA_CA_CERTS: authorityFile };
  return sandbox.run(args, { env: { ...trusting, ...env }, program });
}

function expectFailure(outcome: Outcome, code: string): void {
  expect(outcome).toMatchObject({ status: 1, stdout: '' });
  expect(outcome.stderr).toMatch(/^kubectl-eck: [^\n]+\n$/);
  expect(outcome.stderr).toContain(`[${code}]\n`);
}

describe.each(Object.keys(programs) as Program[])('through a proxy, the %s program', (program) => {
  test.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'])(
    'reaches ENS with %s',
    async (variable) => {
      const proxy = await startProxy();
      expect(await ask({ [variable]: `http://${proxy.host}` }, [], program)).toMatchObject({
        status: 0,
        stderr: '',
      });
      expect(proxy.connects).toEqual([`${ensHost}:443`]);
    },
  );

  test('gives the user and the password of the URL', async () => {
    const proxy = await startProxy({ credentials: 'me:p@ss word' });
    const url = `http://me:p%40ss%20word@${proxy.host}`;
    expect(await ask({ HTTPS_PROXY: url }, [], program)).toMatchObject({ status: 0, stderr: '' });
  });

  test('reaches a proxy over TLS', async () => {
    const proxy = await startProxy({ certificate: await certificateFor(['127.0.0.1']) });
    expect(await ask({ HTTPS_PROXY: `https://${proxy.host}` }, [], program)).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(proxy.connects).toEqual([`${ensHost}:443`]);
  });

  test('reaches ENS through a SOCKS proxy, which looks up the name', async () => {
    const socks = await SocksServer.start({ [`${ensHost}:443`]: tlsServer.port });
    try {
      const outcome = await ask({ ALL_PROXY: `socks5h://${socks.host}` }, [], program);
      expect(outcome).toMatchObject({ status: 0, stderr: '' });
      expect(socks.connects).toEqual([`${ensHost}:443`]);
    } finally {
      await socks.stop();
    }
  });

  test('says which proxy wants a password, without the one that it was given', async () => {
    const proxy = await startProxy({ credentials: 'me:right' });
    const outcome = await ask({ HTTPS_PROXY: `http://me:wrong@${proxy.host}` }, [], program);
    expectFailure(outcome, 'proxy-refused');
    expect(outcome.stderr).toContain(`http://${proxy.host}`);
    expect(outcome.stderr).toContain('407');
    expect(outcome.stderr).not.toContain('wrong');
  });

  test('says which proxy does not answer', async () => {
    const proxy = await startProxy({ hangs: true });
    const outcome = await ask({ HTTPS_PROXY: `http://me:secret@${proxy.host}` }, [], program);
    expectFailure(outcome, 'ens-unavailable');
    expect(outcome.stderr).toContain(`http://${proxy.host}`);
    expect(outcome.stderr).not.toContain('secret');
  });

  test('says that a proxy is not there', async () => {
    const proxy = await startProxy();
    await proxy.stop();
    const outcome = await ask({ HTTPS_PROXY: `http://${proxy.host}` }, [], program);
    expectFailure(outcome, 'ens-unavailable');
    expect(outcome.stderr).toContain(`http://${proxy.host}`);
  });
});

describe('around a proxy', () => {
  test.each(['*', '127.0.0.0/8, other', 'localhost,127.0.0.1'])(
    'go loopback addresses, also with NO_PROXY=%s',
    async (noProxy) => {
      const proxy = await startProxy({ hangs: true });
      const flags = ['--endpoint', `https://127.0.0.1:${tlsServer.port}`];
      const env = { HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: noProxy };
      expect(await ask(env, flags)).toMatchObject({ status: 0, stderr: '' });
      expect(
        await ask({ HTTPS_PROXY: `http://${proxy.host}`, KUBECTL_ECK_STORE: 'none' }, flags),
      ).toMatchObject({ status: 0 });
      expect(proxy.connects).toEqual([]);
    },
  );

  test('goes what NO_PROXY excepts by name', async () => {
    const proxy = await startProxy();
    // Nothing but the proxy leads to this name, so that going around it fails at looking it up.
    const outcome = await ask(
      { HTTPS_PROXY: `http://${proxy.host}`, no_proxy: '.aliyuncs.invalid,ens.invalid' },
      ['--endpoint', 'ens.invalid'],
    );
    expectFailure(outcome, 'ens-unavailable');
    expect(outcome.stderr).toContain('ens.invalid');
    expect(proxy.connects).toEqual([]);
  });
});

describe('the site', () => {
  const internationalHost = 'ens.ap-southeast-1.aliyuncs.com';
  const none = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
  let proxy: ProxyServer;

  beforeEach(async () => {
    await tlsServer.stop();
    tlsServer = await serveTls(await certificateFor([ensHost, internationalHost]));
    proxy = await startProxy({
      hosts: { [`${ensHost}:443`]: tlsServer.port, [`${internationalHost}:443`]: tlsServer.port },
    });
  });

  const cases: [string, RunOptions['env'], string[], string][] = [
    ['is China by default', {}, [], ensHost],
    ['is the one that a flag names', {}, ['--site', 'international'], internationalHost],
    [
      'is told by ALIBABA_CLOUD_REGION_ID',
      { ALIBABA_CLOUD_REGION_ID: 'ap-southeast-1' },
      [],
      internationalHost,
    ],
    ['is told by a region in China', { ALIBABA_CLOUD_REGION_ID: 'cn-hangzhou' }, [], ensHost],
  ];

  test.each(cases)('%s', async (_, env, flags, host) => {
    expect(await ask({ ...env, HTTPS_PROXY: `http://${proxy.host}` }, flags)).toMatchObject({ status: 0 });
    expect(proxy.connects).toEqual([`${host}:443`]);
  });

  test('is told by the region of the profile, and pinned with it', async () => {
    const key = {
      access_key_id: sandbox.identity.accessKeyId,
      access_key_secret: sandbox.identity.accessKeySecret,
    };
    const profiles = [{ name: 'abroad', mode: 'AK', region_id: 'eu-central-1', ...key }];
    await sandbox.writeHome('.aliyun/config.json', JSON.stringify({ current: 'abroad', profiles }));
    const network = { HTTPS_PROXY: `http://${proxy.host}`, NODE_EXTRA_CA_CERTS: authorityFile };
    const env = { ...none, ...network, KUBECTL_ECK_ENDPOINT: undefined };
    const printed = await sandbox.run(['get-credentials', sandbox.clusterId, '--print'], { env });
    expect(printed.stdout).toMatch(/args: .*--profile, abroad, --site, international/);
    expect(proxy.connects).toEqual([`${internationalHost}:443`]);

    const flags = ['--profile', 'abroad', '--site', 'international'];
    expect(await ask({ ...none, HTTPS_PROXY: 'http://127.0.0.1:9' }, flags)).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  test('that was not asked is named where the identity is not known to the one that was', async () => {
    const env = { HTTPS_PROXY: `http://${proxy.host}`, ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tOfTheOtherSite' };
    const outcome = await ask(env);
    expectFailure(outcome, 'ens-unauthenticated');
    expect(outcome.stderr).toContain('--site international');
    expect((await ask(env, ['--site', 'international'])).stderr).toContain('--site china');
  });
});

describe('a certificate of an authority that is not known', () => {
  const direct = (): string[] => ['--endpoint', `https://127.0.0.1:${tlsServer.port}`];

  test.each(Object.keys(programs) as Program[])(
    'is refused by the %s program, which names the variable to set',
    async (program) => {
      const outcome = await ask({ NODE_EXTRA_CA_CERTS: undefined }, direct(), program);
      expectFailure(outcome, 'network-untrusted');
      expect(outcome.stderr).toContain('NODE_EXTRA_CA_CERTS');
      expect(sandbox.ens.calls()).toBe(0);
    },
  );

  test.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])('is trusted where %s holds it', async (variable) => {
    for (const program of Object.keys(programs) as Program[]) {
      const env = { NODE_EXTRA_CA_CERTS: undefined, [variable]: authorityFile, KUBECTL_ECK_STORE: 'none' };
      expect(await ask(env, direct(), program)).toMatchObject({ status: 0, stderr: '' });
    }
  });

  test('is one line where the file that should hold it cannot be read', async () => {
    const outcome = await ask(
      { SSL_CERT_FILE: '/nonexistent.pem', NODE_EXTRA_CA_CERTS: undefined },
      direct(),
    );
    expect(outcome).toMatchObject({ status: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/^kubectl-eck: SSL_CERT_FILE names \/nonexistent\.pem[^\n]+\[usage\]\n$/);
  });
});

describe('a certificate that is', () => {
  test('for another host is refused', async () => {
    await tlsServer.stop();
    tlsServer = await serveTls(await certificateFor(['other.example']));
    expectFailure(await ask({}, ['--endpoint', `https://127.0.0.1:${tlsServer.port}`]), 'network-untrusted');
  });

  test('expired is refused', async () => {
    await tlsServer.stop();
    const request = { commonName: ensHost, usage: 'server', subjectAltNames: ['127.0.0.1'] } as const;
    tlsServer = await serveTls(
      await authority.issue({ ...request, notAfter: new Date(Date.now() - 60_000) }),
    );
    const outcome = await ask({}, ['--endpoint', `https://127.0.0.1:${tlsServer.port}`]);
    expectFailure(outcome, 'network-untrusted');
    expect(outcome.stderr).toContain('expired');
  });
});

describeWith([networkNamespaceRequirement], 'IPv6 that goes nowhere', () => {
  test.each(Object.keys(programs) as Program[])('does not keep the %s program from ENS', async (program) => {
    const hosts = join(sandbox.directory, 'hosts');
    await writeFile(hosts, '127.0.0.1 localhost\n2001:db8:1::1 dual.test\n127.0.0.1 dual.test\n');
    const setUp = [
      'ip link add outside type veth peer name nobody',
      'ip addr add 2001:db8::2/64 dev outside nodad',
      // Without an IPv4 address besides loopback, names would not be looked up for one.
      'ip addr add 192.0.2.2/24 dev outside',
      'ip link set outside up',
      'ip link set nobody up',
      'ip -6 neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev outside',
      'ip -6 route add default via 2001:db8::1',
      `mount --bind '${hosts}' /etc/hosts`,
    ].join('; ');
    const script = join(repository, 'test/support/dual-stack-scenario.ts');
    const [file, ...args] = inNamespace(setUp, [process.execPath, '--import', 'tsx', script, program]);
    const played = await runProgram(file, args, { env: process.env, cwd: repository, timeoutMs: 60_000 });
    expect(played).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(played.stdout)).toMatchObject({ status: 0, stderr: '' });
  });
});
