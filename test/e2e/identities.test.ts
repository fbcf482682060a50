import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CertificateAuthority } from '../support/certificate-authority.js';
import type { EnsIdentity } from '../support/ens-account.js';
import type { Outcome } from '../support/kubectl.js';
import { ProxyServer } from '../support/proxy-server.js';
import { Sandbox, type RunOptions } from '../support/sandbox.js';
import { StsServer } from '../support/sts-server.js';
import { TlsFront } from '../support/tls-front.js';

const role = 'acs:ram::1234567890123456:role/edge';
const oidcToken = 'an.oidc.token';
const wrongSecret = 'WrongSecret0000000000000000000';
const accessToken = 'an-access-token';
const temporary: EnsIdentity = {
  accessKeyId: 'STS.temporary',
  accessKeySecret: 'TemporarySecret00000000000000',
  securityToken: 'TemporaryToken0000000000000000',
  name: 'temporary',
};

let sandbox: Sandbox;
let sts: StsServer;
let oauth: TlsFront;
let proxy: ProxyServer;
let local: Server;
/** What the service of credentials URIs and OAuth answers. */
let answer: RequestListener;
let network: Record<string, string>;

beforeEach(async () => {
  sandbox = await Sandbox.create();
  sandbox.ens.putIdentity(temporary);
  const identities = new Map([[sandbox.identity.accessKeyId, sandbox.identity]]);
  const authority = await CertificateAuthority.create({ name: 'outside world CA' });
  const subjectAltNames = ['sts.aliyuncs.com', 'oauth.aliyun.com'];
  const certificate = await authority.issue({ commonName: 'outside', usage: 'server', subjectAltNames });
  sts = await StsServer.start({
    certificate,
    identityOf: (accessKeyId) => identities.get(accessKeyId),
    oidcTokens: [oidcToken],
    onIssue: (identity) => {
      identities.set(identity.accessKeyId, identity);
      sandbox.ens.putIdentity(identity);
    },
  });
  answer = give(temporary.accessKeySecret);
  local = createServer((request, response) => {
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(local, 'listening');
  oauth = await TlsFront.start(certificate, localUrl());
  proxy = await ProxyServer.start({
    hosts: { 'sts.aliyuncs.com:443': sts.port, 'oauth.aliyun.com:443': oauth.port },
  });
  const authorityFile = join(sandbox.directory, 'authority.pem');
  await writeFile(authorityFile, authority.certificatePem);
  network = { HTTPS_PROXY: `http://${proxy.host}`, NODE_EXTRA_CA_CERTS: authorityFile };
});

afterEach(async () => {
  local.closeAllConnections();
  local.close();
  for (const server of [proxy, oauth, sts]) await server.stop();
  await sandbox.dispose();
});

const localUrl = (): string => `http://127.0.0.1:${(local.address() as AddressInfo).port}`;

/** Answers with the temporary identity: a credentials URI, or OAuth for the CLI's access token. */
const give =
  (accessKeySecret: string): RequestListener =>
  ({ url, headers }, response) => {
    const { accessKeyId, securityToken } = temporary;
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    const [AccessKeyId, AccessKeySecret, SecurityToken] = [accessKeyId, accessKeySecret, securityToken];
    const isUnknown = url === '/v1/exchange' && headers.authorization !== `Bearer ${accessToken}`;
    const uri = { Code: 'Success', AccessKeyId, AccessKeySecret, SecurityToken, Expiration: expiration };
    const exchanged = { accessKeyId, accessKeySecret, securityToken, expiration };
    response.writeHead(isUnknown ? 401 : 200).end(JSON.stringify(url === '/v1/exchange' ? exchanged : uri));
  };

const cliFile = (): string => join(sandbox.home, '.aliyun/config.json');

async function writeProfiles(profiles: readonly object[], current = 'test'): Promise<void> {
  await sandbox.writeHome('.aliyun/config.json', JSON.stringify({ current, profiles }));
}

interface Run {
  readonly env?: RunOptions['env'];
  readonly flags?: readonly string[];
}

const fetching = (): string[] => ['exec-credential', '--cluster-id', sandbox.clusterId, '--timeout', '3s'];

/** Runs `exec-credential` with no other identity than the one that the test prepared. */
function run({ env, flags = [] }: Run = {}, args = fetching()): Promise<Outcome> {
  const none = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
  return sandbox.run([...args, ...flags], { env: { ...none, ...network, ...env } });
}

/** Expects an error and its fix, without secrets. */
function expectFailure(outcome: Outcome, code: string, message = /./): void {
  const { status, stdout, stderr } = outcome;
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^kubectl-eck: [^\\n]+\\[(?:${code})\\]\\n[^\\n]+\\n$`));
  expect(stderr).toMatch(message);
  const { accessKeySecret, securityToken = '' } = temporary;
  const secrets = [sandbox.identity.accessKeySecret, accessKeySecret, securityToken, wrongSecret, oidcToken];
  for (const secret of secrets) expect(stderr).not.toContain(secret);
}

const keyOf = ({ accessKeyId, accessKeySecret }: EnsIdentity, secret?: string) => ({
  access_key_id: accessKeyId,
  access_key_secret: secret ?? accessKeySecret,
});
const variablesOf = ({ accessKeyId, accessKeySecret, securityToken }: EnsIdentity, secret?: string) => ({
  ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId,
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret ?? accessKeySecret,
  ALIBABA_CLOUD_SECURITY_TOKEN: securityToken,
});
const oidc_provider_arn = 'acs:ram::1234567890123456:oidc-provider/p';
const assumed = { ram_role_arn: role, ram_session_name: 's', expired_seconds: 900 };
const session = { sts_token: temporary.securityToken, sts_expiration: Math.floor(Date.now() / 1000) + 900 };
const oauthSession = {
  oauth_site_type: 'CN',
  oauth_refresh_token: 'r',
  oauth_access_token_expire: Math.floor(Date.now() / 1000) + 7200,
};

/** Lets the local service give this secret. @returns its URI */
function uriOf(secret = temporary.accessKeySecret): string {
  answer = give(secret);
  return localUrl();
}

/** A profile of a mode as the current one. */
async function profile(fields: object, ...others: object[]): Promise<Run> {
  await writeProfiles([{ name: 'test', ...fields }, ...others]);
  return {};
}

/** A mode that signs with an AccessKey. */
const withKey =
  (mode: string, identity: () => EnsIdentity, more: object = {}) =>
  (secret?: string): Promise<Run> =>
    profile({ mode, ...keyOf(identity(), secret), ...more });
const permanent = (): EnsIdentity => sandbox.identity;

/** Each mode and place, with the right secret or a wrong one. */
const ways: [string, (secret?: string) => Run | Promise<Run>][] = [
  ['an AccessKey in the environment', (secret) => ({ env: variablesOf(sandbox.identity, secret) })],
  ['a temporary one in the environment', (secret) => ({ env: variablesOf(temporary, secret) })],
  ['the mode AK', withKey('AK', permanent)],
  ['the mode StsToken', withKey('StsToken', () => temporary, session)],
  ['the mode CloudSSO', withKey('CloudSSO', () => temporary, session)],
  ['the mode RamRoleArn', withKey('RamRoleArn', permanent, assumed)],
  [
    'the mode ChainableRamRoleArn',
    (secret) => {
      const base = { name: 'base', mode: 'AK', ...keyOf(sandbox.identity, secret) };
      return profile({ mode: 'ChainableRamRoleArn', source_profile: 'base', ...assumed }, base);
    },
  ],
  ['the mode External', async (secret) => profile(await external(externalKey(secret)))],
  [
    'the mode CredentialsURI',
    (secret) => profile({ mode: 'CredentialsURI', credentials_uri: uriOf(secret) }),
  ],
  [
    'the mode OAuth',
    (secret) => {
      uriOf(secret);
      return profile({ mode: 'OAuth', oauth_access_token: accessToken, ...oauthSession });
    },
  ],
  [
    'the mode OIDC',
    async (secret = oidcToken) => {
      const oidc_token_file = await sandbox.writeHome('token', secret);
      return profile({ mode: 'OIDC', ...assumed, oidc_provider_arn, oidc_token_file });
    },
  ],
  [
    'a credentials file',
    async (secret) => {
      const lines = Object.entries(keyOf(sandbox.identity, secret)).map(
        ([name, value]) => `${name} = ${value}\n`,
      );
      await sandbox.writeHome('.alibabacloud/credentials', `[default]\ntype = access_key\n${lines.join('')}`);
      return {};
    },
  ],
  [
    'an OIDC role in the environment',
    async (secret = oidcToken) => ({
      env: {
        ALIBABA_CLOUD_ROLE_ARN: role,
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN: oidc_provider_arn,
        ALIBABA_CLOUD_OIDC_TOKEN_FILE: await sandbox.writeHome('token', secret),
      },
    }),
  ],
  ['a credentials URI', (secret) => ({ env: { ALIBABA_CLOUD_CREDENTIALS_URI: uriOf(secret) } })],
  ['--role-arn', (secret) => ({ env: variablesOf(sandbox.identity, secret), flags: ['--role-arn', role] })],
];

/** What an External command prints. */
function externalKey(secret?: string): string {
  return JSON.stringify(keyOf(sandbox.identity, secret));
}

/** The fields of a profile whose command prints a text. */
async function external(output: string, end = 'exit 0'): Promise<object> {
  const text = `echo run >> "$HOME/runs"\necho '${output}'\n${end}\n`;
  const script = await sandbox.writeHome('print.sh', text);
  return { mode: 'External', process_command: `/bin/sh '${script}'` };
}

describe.each(ways)('%s', (_, prepare) => {
  test('signs, and writes no file of the CLI', async () => {
    const prepared = await prepare();
    const before = await readFile(cliFile(), 'utf8').catch(() => undefined);
    expect(await run(prepared)).toMatchObject({ status: 0, stderr: '' });
    expect(sandbox.ens.issued).toHaveLength(1);
    expect(await readFile(cliFile(), 'utf8').catch(() => undefined)).toBe(before);
  });

  test('with a wrong secret is refused', async () => {
    expectFailure(await run(await prepare(wrongSecret)), 'ens-unauthenticated|identity-refused');
  });
});

describe('a cached credential', () => {
  async function expectServed(prepared: Run, fail: () => unknown): Promise<void> {
    const cached = await run(prepared);
    await fail();
    const served = await run({ ...prepared, env: { ...prepared.env, KUBECTL_ECK_MAX_AGE: '1ms' } });
    expect(served).toMatchObject({ status: 0, stderr: expect.stringContaining('[identity-unavailable]') });
    expect(keyIn(served)).toBe(keyIn(cached));
  }
  const keyIn = ({ stdout }: Outcome) =>
    (JSON.parse(stdout) as { status: { clientKeyData: string } }).status.clientKeyData;

  test('is served while STS cannot be reached', async () => {
    const fields = { mode: 'RamRoleArn', ...keyOf(sandbox.identity), ...assumed };
    await expectServed(await profile(fields), () => sts.stop());
  });

  test('is served while a credentials URI answers 403', async () => {
    const prepared = { env: { ALIBABA_CLOUD_CREDENTIALS_URI: localUrl() } };
    await expectServed(prepared, () => {
      answer = (_, response) => response.writeHead(403).end('no');
    });
  });

  test('is served within the time limit while an External command hangs', async () => {
    const start = performance.now();
    const fields = await external(externalKey());
    await expectServed(await profile(fields), () => external('', 'sleep 30'));
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('an External command', () => {
  test.each([
    ['exit 3', '', 'identity-unavailable', /command "\/bin\/sh" ended with exit status 3 /],
    ['kill -9 $$', '', 'identity-unavailable', /ended with SIGKILL /],
    ['exit 0', 'not JSON', 'identity-unavailable', /printed no JSON object /],
    ['exit 0', '{"mode":"AK"}', 'identity-unavailable', /printed no AccessKey /],
  ])('that does %s and prints %j fails', async (end, output, code, message) => {
    expectFailure(await run(await profile(await external(output, end))), code, message);
  });

  test('that does not exist fails', async () => {
    const prepared = await profile({ mode: 'External', process_command: '/bin/nonexistent --now' });
    expectFailure(await run(prepared), 'identity-unusable', /"\/bin\/nonexistent" cannot be run \(ENOENT\)/);
  });

  test('runs once for many clusters', async () => {
    for (const clusterId of ['eck-2', 'eck-3', 'eck-4']) {
      const { authority, apiServer } = sandbox;
      sandbox.ens.putCluster({ clusterId, authority, server: apiServer.url });
    }
    await profile(await external(externalKey()));
    expect(await run({}, ['get-credentials', '--all'])).toMatchObject({ status: 0 });
    expect(sandbox.ens.issued).toHaveLength(4);
    expect(await readFile(join(sandbox.home, 'runs'), 'utf8')).toBe('run\n');
  });
});

test('an OAuth session that is unknown is not an identity', async () => {
  const prepared = await profile({ mode: 'OAuth', oauth_access_token: 'another', ...oauthSession });
  const message = /HTTP 401.*\nTry again, or: Run "aliyun configure/;
  expectFailure(await run(prepared), 'identity-unavailable', message);
});

describe('two identities', () => {
  const second = { accessKeyId: 'LTAI5tSecond', accessKeySecret: 'SecondSecret', name: 'second' };
  const profiles = () => [
    { name: 'one', mode: 'AK', ...keyOf(sandbox.identity) },
    { name: 'two', mode: 'AK', ...keyOf(second) },
  ];
  const certificateOf = ({ stdout }: Outcome): string =>
    (JSON.parse(stdout) as { status: { clientCertificateData: string } }).status.clientCertificateData;

  beforeEach(() => {
    sandbox.ens.putIdentity(second);
  });

  test('never share a certificate when the current profile changes', async () => {
    const asCurrent = async (current: string): Promise<string> => {
      await writeProfiles(profiles(), current);
      return certificateOf(await run());
    };
    const [one, two] = [await asCurrent('one'), await asCurrent('two')];
    expect(two).not.toBe(one);
    expect([await asCurrent('one'), await asCurrent('two')]).toEqual([one, two]);
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('are pinned by get-credentials', async () => {
    await writeProfiles(profiles(), 'two');
    const printed = await run({}, ['get-credentials', sandbox.clusterId, '--print']);
    expect(printed.stdout).toMatch(/args: .*--profile, two/);
    await writeProfiles(profiles(), 'one');
    await sandbox.ens.stop();
    expect(await run({ flags: ['--profile', 'two'] })).toMatchObject({ status: 0, stderr: '' });
  });
});
