import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js';
import type { Outcome } from '../support/kubectl.js';
import { inNamespace, networkNamespaceRequirement } from '../support/network-namespace.js';
import { ProxyServer, type ProxyOptions } from '../support/proxy-server.js';
import { describeWith } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { noAccessKey, programs, repository, runProgram, type Program, type RunOptions } from '../support/sandbox.js';
import { SocksServer } from '../support/socks-server.js';
import { stopAfterTest } from '../support/stop-after-test.js';
import { TlsFront } from '../support/tls-front.js';

/** The real name, which only a proxy of a test leads anywhere. */
const ensHost = 'ens.aliyuncs.com';
const allPrograms = Object.keys(programs) as Program[];

useSandbox();
let authority: CertificateAuthority;
let authorityFile: string;
/** The ENS double behind TLS. */
let front: TlsFront;

beforeEach(async () => {
  authority = await CertificateAuthority.create({ name: 'outside world CA' });
  authorityFile = join(sandbox.directory, 'authority.pem');
  await writeFile(authorityFile, authority.certificatePem);
  front = await serveTls([ensHost, '127.0.0.1']);
});

function certificateFor(subjectAltNames: string[], of: { notAfter?: Date } = {}): Promise<IssuedCertificate> {
  return authority.issue({ commonName: ensHost, usage: 'server', subjectAltNames, ...of });
}

async function serveTls(subjectAltNames: string[], of?: { notAfter: Date }): Promise<TlsFront> {
  return stopAfterTest(await TlsFront.start(await certificateFor(subjectAltNames, of), sandbox.ens.endpoint));
}

async function startProxy(options: Partial<ProxyOptions> = {}): Promise<ProxyServer> {
  return stopAfterTest(await ProxyServer.start({ hosts: { [`${ensHost}:443`]: front.port }, ...options }));
}

function ask(env: RunOptions['env'], flags: readonly string[] = [], program: Program = 'standalone'): Promise<Outcome> {
  const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--timeout', '2s', ...flags];
  const trusting = { KUBECTL_ECK_ENDPOINT: undefined, NODE_EXTRA_CA_CERTS: authorityFile };
  return sandbox.run(args, { env: { ...trusting, ...env }, program });
}

const direct = (): string[] => ['--endpoint', `https://127.0.0.1:${front.port}`];

function expectFailure({ status, stdout, stderr }: Outcome, code: string): void {
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^kubectl-eck: [^\\n]+ \\[${code}\\]\\n(?:[^\\n]+\\n)?$`));
}

describe.each(allPrograms)('through a proxy, the %s program', (program) => {
  test('gives the user and the password of the URL', async () => {
    const proxy = await startProxy({ credentials: 'me:p@ss word' });
    const url = `http://me:p%40ss%20word@${proxy.host}`;
    expect(await ask({ HTTPS_PROXY: url }, [], program)).toMatchObject({ status: 0, stderr: '' });
    expect(proxy.connects).toEqual([`${ensHost}:443`]);
  });

  test('reaches a proxy over TLS', async () => {
    const proxy = await startProxy({ certificate: await certificateFor(['127.0.0.1']) });
    const outcome = await ask({ HTTPS_PROXY: `https://${proxy.host}` }, [], program);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
  });

  test('reaches ENS through SOCKS5, which resolves the name', async () => {
    const socks = stopAfterTest(await SocksServer.start({ [`${ensHost}:443`]: front.port }));
    const outcome = await ask({ ALL_PROXY: `socks5://${socks.host}` }, [], program);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    expect(socks.connects).toEqual([`${ensHost}:443`]);
  });

  test.each(['192.0.2.7', '2001:db8::7'])('trusts %s only by its own certificate', async (address) => {
    const host = address.includes(':') ? `[${address}]` : address;
    for (const names of [[address], ['localhost', '127.0.0.1']]) {
      const { port } = await serveTls(names);
      const proxy = await startProxy({ hosts: { [`${host}:443`]: port } });
      const env = { HTTPS_PROXY: `http://${proxy.host}`, KUBECTL_ECK_ENDPOINT: `https://${host}` };
      const outcome = await ask(env, ['--store', 'none'], program);
      if (names.includes(address)) expect(outcome).toMatchObject({ status: 0, stderr: '' });
      else expectFailure(outcome, 'network-untrusted');
    }
  });

  test('names a proxy that fails, without its password', async () => {
    const wanting = await startProxy({ credentials: 'me:right' });
    const hanging = await startProxy({ hangs: true });
    const stopped = await startProxy();
    await stopped.stop();
    for (const [{ host }, code] of [
      [wanting, 'proxy-refused'],
      [hanging, 'ens-unavailable'],
      [stopped, 'ens-unavailable'],
    ] as const) {
      const outcome = await ask({ HTTPS_PROXY: `http://me:wrong@${host}` }, [], program);
      expectFailure(outcome, code);
      expect(outcome.stderr).toContain(`http://${host}`);
      expect(outcome.stderr).not.toContain('wrong');
    }
  });
});

test('loopback addresses, and names in no_proxy, go around a proxy', async () => {
  const proxy = await startProxy({ hangs: true });
  const env = { HTTPS_PROXY: `http://${proxy.host}`, no_proxy: '.aliyuncs.invalid,ens.invalid' };
  expect(await ask(env, direct())).toMatchObject({ status: 0, stderr: '' });
  const outcome = await ask(env, ['--endpoint', 'ens.invalid']);
  expectFailure(outcome, 'ens-unavailable');
  expect(outcome.stderr).toContain('ens.invalid');
  expect(proxy.connects).toEqual([]);
});

describe('the site', () => {
  const internationalHost = 'ens.ap-southeast-1.aliyuncs.com';
  let proxy: ProxyServer;

  beforeEach(async () => {
    const { port } = await serveTls([ensHost, internationalHost]);
    proxy = await startProxy({ hosts: { [`${ensHost}:443`]: port, [`${internationalHost}:443`]: port } });
  });

  test("of the profile's region is pinned by get-credentials", async () => {
    await sandbox.writeProfiles([{ name: 'abroad', region_id: 'eu-central-1' }]);
    const network = { HTTPS_PROXY: `http://${proxy.host}`, NODE_EXTRA_CA_CERTS: authorityFile };
    const env = { ...noAccessKey, ...network, KUBECTL_ECK_ENDPOINT: undefined };
    const printed = await sandbox.run(['get-credentials', sandbox.clusterId, '--print'], { env });
    expect(printed.stdout).toMatch(/args: .*--profile, abroad, --site, international/);
    expect(new Set(proxy.connects)).toEqual(new Set([`${internationalHost}:443`]));
  });

  test('that was not called is named if the AccessKey is unknown', async () => {
    const env = { HTTPS_PROXY: `http://${proxy.host}`, ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tOfTheOtherSite' };
    const outcome = await ask(env);
    expectFailure(outcome, 'ens-unauthenticated');
    expect(outcome.stderr).toContain('--site international');
    expect((await ask(env, ['--site', 'international'])).stderr).toContain('--site china');
  });
});

describe.each(allPrograms)('TLS of the %s program', (program) => {
  test('is verified whatever NODE_TLS_REJECT_UNAUTHORIZED says, directly and through each proxy', async () => {
    const certificate = await certificateFor(['127.0.0.1']);
    const socks = stopAfterTest(await SocksServer.start({ [`${ensHost}:443`]: front.port }));
    const ways: [string, string[]][] = [
      ['', direct()],
      [`http://${(await startProxy()).host}`, []],
      [`https://${(await startProxy({ certificate })).host}`, []],
      [`socks5://${socks.host}`, []],
    ];
    const env = { NODE_EXTRA_CA_CERTS: undefined, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    for (const [proxy, flags] of ways) {
      const outcome = await ask({ ...env, HTTPS_PROXY: proxy }, flags, program);
      expectFailure(outcome, 'network-untrusted');
      expect(outcome.stderr).toContain('NODE_EXTRA_CA_CERTS');
    }
    expect(sandbox.ens.calls()).toBe(0);
  });

  test.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])('trusts the authorities of %s', async (variable) => {
    const env = { NODE_EXTRA_CA_CERTS: undefined, [variable]: authorityFile };
    expect(await ask(env, direct(), program)).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('a certificate', () => {
  test('for another host or a past time is refused', async () => {
    front = await serveTls(['other.example']);
    const elsewhere = await ask({}, direct());
    expectFailure(elsewhere, 'network-untrusted');
    expect(elsewhere.stderr).toContain('its certificate is for another host');
    front = await serveTls(['127.0.0.1'], { notAfter: new Date(Date.now() - 60_000) });
    const outcome = await ask({}, direct());
    expectFailure(outcome, 'network-untrusted');
    expect(outcome.stderr).toContain('expired');
  });
});

test('a file of certificates that is gone is an error, and a cached credential is served', async () => {
  const env = { SSL_CERT_FILE: '/nonexistent.pem' };
  const outcome = await ask({ ...env, KUBECTL_ECK_STORE: 'none' }, direct());
  expectFailure(outcome, 'network-untrusted');
  expect(outcome.stderr).toContain('/nonexistent.pem of SSL_CERT_FILE cannot be read');
  expect(await ask({}, direct())).toMatchObject({ status: 0 });
  const served = await ask({ ...env, KUBECTL_ECK_MAX_AGE: '1ms' }, direct());
  expect(served).toMatchObject({ status: 0, stderr: expect.stringContaining('[network-untrusted]') });
});

describeWith([networkNamespaceRequirement], 'IPv6 that goes nowhere', () => {
  test.each(allPrograms)('does not keep the %s program from ENS', async (program) => {
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
