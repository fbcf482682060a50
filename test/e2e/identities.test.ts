import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CertificateAuthority } from '../support/certificate-authority.js';
import type { EnsIdentity } from '../support/ens-account.js';
import type { Outcome } from '../support/kubectl.js';
import { ProxyServer } from '../support/proxy-server.js';
import { Sandbox, type RunOptions } from '../support/sandbox.js';
import { TlsFront } from '../support/tls-front.js';
import { StsServer } from '../support/sts-server.js';

const role = 'acs:ram::1234567890123456:role/edge';
const otherRole = 'acs:ram::1234567890123456:role/deeper';
const oidcToken = 'an.oidc.token';

let sandbox: Sandbox;
let sts: StsServer;
let proxy: ProxyServer;
let authorityFile: string;
let uriServer: Server;

beforeEach(async () => {
  sandbox = await Sandbox.create();
  const identities = new Map<string, EnsIdentity>([[sandbox.identity.accessKeyId, sandbox.identity]]);
  const authority = await CertificateAuthority.create({ name: 'outside world CA' });
  const certificate = await authority.issue({
    commonName: 'sts.aliyuncs.com',
    usage: 'server',
    subjectAltNames: ['sts.aliyuncs.com'],
  });
  sts = await StsServer.start({
    certificate,
    identityOf: (accessKeyId) => identities.get(accessKeyId),
    oidcTokens: [oidcToken],
    onIssue: (identity) => {
      identities.set(identity.accessKeyId, identity);
      sandbox.ens.putIdentity(identity);
    },
  });
  proxy = await ProxyServer.start({ hosts: { 'sts.aliyuncs.com:443': sts.port } });
  authorityFile = join(sandbox.directory, 'authority.pem');
  await writeFile(authorityFile, authority.certificatePem);
  uriServer = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        Code: 'Success',
        AccessKeyId: temporary.accessKeyId,
        AccessKeySecret: uriSecret,
        SecurityToken: temporary.securityToken,
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    );
  }).listen(0, '127.0.0.1');
  await once(uriServer, 'listening');
  uriSecret = temporary.accessKeySecret;
  sandbox.ens.putIdentity(temporary);
});

afterEach(async () => {
  uriServer.closeAllConnections();
  uriServer.close();
  await proxy.stop();
  await sts.stop();
  await sandbox.dispose();
});

const temporary: EnsIdentity = {
  accessKeyId: 'STS.temporary',
  accessKeySecret: 'TemporarySecret00000000000000',
  securityToken: 'TemporaryToken0000000000000000',
  name: 'temporary',
};
let uriSecret: string;

/** What a test changes about an identity that works. */
interface Circumstances {
  readonly secret?: string;
  readonly token?: string;
}

/** A way to give an identity: what is set up for it, and what the program is run with. */
interface Way {
  readonly name: string;
  readonly signedInAs: string;
  /** Whether it comes from STS, through the proxy. */
  readonly usesSts?: boolean;
  readonly hasToken?: boolean;
  prepare(circumstances: Circumstances): Promise<{ env?: RunOptions['env']; flags?: string[] }>;
}

function cliConfig(profiles: object[], current = 'test'): Promise<string> {
  return sandbox.writeHome('.aliyun/config.json', JSON.stringify({ current, profiles }));
}

const accessKey = (secret?: string) => ({
  access_key_id: sandbox.identity.accessKeyId,
  access_key_secret: secret ?? sandbox.identity.accessKeySecret,
});

const ways: readonly Way[] = [
  {
    name: 'an AccessKey in the environment',
    signedInAs: 'someone',
    prepare: ({ secret = sandbox.identity.accessKeySecret }) =>
      Promise.resolve({
        env: {
          ALIBABA_CLOUD_ACCESS_KEY_ID: sandbox.identity.accessKeyId,
          ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret,
        },
      }),
  },
  {
    name: 'an STS token in the environment',
    signedInAs: 'temporary',
    hasToken: true,
    prepare: ({ secret = temporary.accessKeySecret, token = temporary.securityToken }) =>
      Promise.resolve({
        env: {
          ALIBABA_CLOUD_ACCESS_KEY_ID: temporary.accessKeyId,
          ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret,
          ALIBABA_CLOUD_SECURITY_TOKEN: token,
        },
      }),
  },
  {
    name: 'the current profile of the CLI, mode AK',
    signedInAs: 'someone',
    async prepare({ secret }) {
      await cliConfig([{ name: 'test', mode: 'AK', ...accessKey(secret) }]);
      return {};
    },
  },
  {
    name: 'a profile that a flag names, mode StsToken',
    signedInAs: 'temporary',
    hasToken: true,
    async prepare({ secret = temporary.accessKeySecret, token = temporary.securityToken }) {
      const sessionKey = {
        access_key_id: temporary.accessKeyId,
        access_key_secret: secret,
        sts_token: token,
      };
      await cliConfig([
        { name: 'test', mode: 'AK', access_key_id: 'x', access_key_secret: 'y' },
        { name: 'session', mode: 'StsToken', ...sessionKey },
      ]);
      return { flags: ['--profile', 'session'] };
    },
  },
  {
    name: 'a profile that ALIBABA_CLOUD_PROFILE names, mode RamRoleArn',
    signedInAs: role,
    usesSts: true,
    async prepare({ secret }) {
      const assuming = { ram_role_arn: role, ram_session_name: 's', expired_seconds: 900 };
      await cliConfig([{ name: 'role', mode: 'RamRoleArn', ...accessKey(secret), ...assuming }]);
      return { env: { ALIBABA_CLOUD_PROFILE: 'role' } };
    },
  },
  {
    name: 'a profile of mode ChainableRamRoleArn',
    signedInAs: otherRole,
    usesSts: true,
    async prepare({ secret }) {
      await cliConfig([
        {
          name: 'test',
          mode: 'ChainableRamRoleArn',
          source_profile: 'base',
          ram_role_arn: otherRole,
          ram_session_name: 's',
          expired_seconds: 900,
        },
        { name: 'base', mode: 'AK', ...accessKey(secret) },
      ]);
      return {};
    },
  },
  {
    name: 'a profile of mode External',
    signedInAs: 'someone',
    async prepare({ secret }) {
      const { access_key_id, access_key_secret } = accessKey(secret);
      const script = await sandbox.writeHome(
        'print.sh',
        `echo '${JSON.stringify({ mode: 'AK', access_key_id, access_key_secret })}'`,
      );
      await cliConfig([
        { name: 'test', mode: 'External', process_command: `/bin/sh ${script.replaceAll(' ', '\\ ')}` },
      ]);
      return {};
    },
  },
  {
    name: 'a profile of mode CredentialsURI',
    signedInAs: 'temporary',
    async prepare({ secret }) {
      if (secret !== undefined) uriSecret = secret;
      const { port } = uriServer.address() as AddressInfo;
      await cliConfig([
        { name: 'test', mode: 'CredentialsURI', credentials_uri: `http://127.0.0.1:${port}/identity` },
      ]);
      return {};
    },
  },
  {
    name: 'a profile of mode CloudSSO, with the session that the CLI has kept',
    signedInAs: 'temporary',
    hasToken: true,
    async prepare({ secret = temporary.accessKeySecret, token = temporary.securityToken }) {
      const session = { access_key_id: temporary.accessKeyId, access_key_secret: secret, sts_token: token };
      const expiration = { sts_expiration: Math.floor(Date.now() / 1000) + 900 };
      await cliConfig([{ name: 'test', mode: 'CloudSSO', ...session, ...expiration }]);
      return {};
    },
  },
  {
    name: 'a profile of mode OIDC',
    signedInAs: role,
    usesSts: true,
    async prepare({ secret = oidcToken }) {
      await cliConfig([
        {
          name: 'test',
          mode: 'OIDC',
          ram_role_arn: role,
          ram_session_name: 's',
          duration_seconds: 900,
          oidc_provider_arn: 'acs:ram::1234567890123456:oidc-provider/p',
          oidc_token_file: await sandbox.writeHome('token', secret),
        },
      ]);
      return {};
    },
  },
  {
    name: 'a credentials file',
    signedInAs: 'someone',
    async prepare({ secret = sandbox.identity.accessKeySecret }) {
      const { accessKeyId } = sandbox.identity;
      const ini = `[default]\ntype = access_key\naccess_key_id = ${accessKeyId}\naccess_key_secret = ${secret}\n`;
      await sandbox.writeHome('.alibabacloud/credentials', ini);
      return {};
    },
  },
  {
    name: 'an OIDC role in the environment',
    signedInAs: role,
    usesSts: true,
    async prepare({ secret = oidcToken }) {
      return {
        env: {
          ALIBABA_CLOUD_ROLE_ARN: role,
          ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1234567890123456:oidc-provider/p',
          ALIBABA_CLOUD_OIDC_TOKEN_FILE: await sandbox.writeHome('token', secret),
        },
      };
    },
  },
  {
    name: 'a credentials URI',
    signedInAs: 'temporary',
    prepare({ secret }) {
      if (secret !== undefined) uriSecret = secret;
      const { port } = uriServer.address() as AddressInfo;
      return Promise.resolve({ env: { ALIBABA_CLOUD_CREDENTIALS_URI: `http://127.0.0.1:${port}/identity` } });
    },
  },
  {
    name: 'a role on top of an AccessKey, by --role-arn',
    signedInAs: role,
    usesSts: true,
    prepare: ({ secret = sandbox.identity.accessKeySecret }) =>
      Promise.resolve({
        env: {
          ALIBABA_CLOUD_ACCESS_KEY_ID: sandbox.identity.accessKeyId,
          ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret,
        },
        flags: ['--role-arn', role],
      }),
  },
];

async function ask(
  way: Way,
  circumstances: Circumstances = {},
  env: RunOptions['env'] = {},
): Promise<Outcome> {
  const { env: own = {}, flags = [] } = await way.prepare(circumstances);
  const none = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
  const network = { HTTPS_PROXY: `http://${proxy.host}`, NODE_EXTRA_CA_CERTS: authorityFile };
  return sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId, '--timeout', '3s', ...flags], {
    env: { ...none, ...network, ...own, ...env },
  });
}

const wrongSecret = 'WrongSecret0000000000000000000';

function expectNoSecret({ stderr }: Outcome): void {
  const secrets = [
    sandbox.identity.accessKeySecret,
    temporary.accessKeySecret,
    String(temporary.securityToken),
    wrongSecret,
    oidcToken,
  ];
  for (const secret of secrets) expect(stderr).not.toContain(secret);
}

describe.each(ways)('$name', (way) => {
  test('works', async () => {
    const outcome = await ask(way);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    expect(sandbox.ens.issued.map(({ accessKeyId }) => accessKeyId)).toHaveLength(1);
    const subject = sandbox.ens.log.at(-1)?.accessKeyId;
    if (way.usesSts === true) {
      expect(subject).toMatch(/^STS\./);
      expect(sts.actions.at(-1)).toContain(way.signedInAs);
    }
  });

  test('with a wrong secret is refused, and no secret is in the message', async () => {
    const outcome = await ask(way, { secret: wrongSecret });
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^kubectl-eck: [^\n]+\[(ens-unauthenticated|identity-refused)\]\n$/);
    expectNoSecret(outcome);
  });
});

describe.each(ways.filter(({ hasToken }) => hasToken === true))('$name', (way) => {
  test('that has expired is told', async () => {
    sandbox.ens.putIdentity({ ...temporary, securityTokenExpiresAt: new Date(Date.now() - 1000) });
    const outcome = await ask(way);
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/InvalidSecurityToken\.Expired.*\[ens-unauthenticated\]\n$/);
    expectNoSecret(outcome);
  });
});

describe.each(ways.filter(({ usesSts }) => usesSts === true))('$name', (way) => {
  test('where STS cannot be reached is told, and what is kept is served meanwhile', async () => {
    const kept = await ask(way);
    await sts.stop();
    const env = { KUBECTL_ECK_MAX_AGE: '1ms' };
    const meanwhile = await ask(way, {}, env);
    expect(meanwhile.status).toBe(0);
    expect(JSON.parse(meanwhile.stdout)).toMatchObject({
      status: {
        clientKeyData: (JSON.parse(kept.stdout) as { status: { clientKeyData: string } }).status
          .clientKeyData,
      },
    });
    expect(meanwhile.stderr).toMatch(/^kubectl-eck: [^\n]+\[identity-unavailable\]\n$/);

    const without = await ask(way, {}, { KUBECTL_ECK_STORE: 'none' });
    expect(without).toMatchObject({ status: 1, stdout: '' });
    expect(without.stderr).toMatch(/sts\.aliyuncs\.com.*\[identity-unavailable\]\n$/);
    expectNoSecret(without);
  });
});

describe('a profile of mode OAuth', () => {
  const accessToken = 'an-access-token';
  let signIn: TlsFront;
  let exchange: Server;

  beforeEach(async () => {
    // Hands out the temporary identity for the access token that the CLI has kept.
    exchange = createServer((request, response) => {
      const isKnown =
        request.headers.authorization === `Bearer ${accessToken}` && request.url === '/v1/exchange';
      response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          accessKeyId: temporary.accessKeyId,
          accessKeySecret: temporary.accessKeySecret,
          securityToken: temporary.securityToken,
          expiration: new Date(Date.now() + 3_600_000).toISOString(),
        }),
      );
    }).listen(0, '127.0.0.1');
    await once(exchange, 'listening');
    const authority = await CertificateAuthority.create({ name: 'outside world CA' });
    const names = { commonName: 'oauth.aliyun.com', subjectAltNames: ['oauth.aliyun.com'] };
    const { port } = exchange.address() as AddressInfo;
    signIn = await TlsFront.start(
      await authority.issue({ ...names, usage: 'server' }),
      `http://127.0.0.1:${port}`,
    );
    await writeFile(authorityFile, authority.certificatePem);
    await proxy.stop();
    proxy = await ProxyServer.start({ hosts: { 'oauth.aliyun.com:443': signIn.port } });
  });

  afterEach(async () => {
    await signIn.stop();
    exchange.closeAllConnections();
    exchange.close();
  });

  const way = (token: string): Way => ({
    name: 'OAuth',
    signedInAs: 'temporary',
    async prepare() {
      const session = {
        oauth_access_token: token,
        oauth_access_token_expire: Math.floor(Date.now() / 1000) + 7200,
      };
      await cliConfig([
        { name: 'test', mode: 'OAuth', oauth_site_type: 'CN', oauth_refresh_token: 'r', ...session },
      ]);
      return {};
    },
  });

  test('signs in with the session that the CLI has kept', async () => {
    expect(await ask(way(accessToken))).toMatchObject({ status: 0, stderr: '' });
    expect(sandbox.ens.log.map(({ accessKeyId }) => accessKeyId)).toEqual([temporary.accessKeyId]);
  });

  test('is refused with a session that is not known any more', async () => {
    const outcome = await ask(way('another-token'));
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/HTTP 401.*\[identity-refused\]\n$/);
    expectNoSecret(outcome);
  });
});

test('a CloudSSO session that has ended is told so, with what to do', async () => {
  const session = { access_key_id: temporary.accessKeyId, access_key_secret: temporary.accessKeySecret };
  const ended = { sts_token: temporary.securityToken, sts_expiration: Math.floor(Date.now() / 1000) - 1 };
  await cliConfig([{ name: 'sso', mode: 'CloudSSO', ...session, ...ended }]);
  const none = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
  const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--profile', 'sso'];
  const outcome = await sandbox.run(args, { env: none });
  expect(outcome).toMatchObject({ status: 1, stdout: '' });
  expect(outcome.stderr).toMatch(/session of profile sso has ended.*\[identity-unusable\]\n$/);
  expectNoSecret(outcome);
});

test('a profile of a mode that is not supported is told so', async () => {
  await cliConfig([{ name: 'test', mode: 'RsaKeyPair', private_key: 'secret' }]);
  const none = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
  const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--profile', 'test'];
  const outcome = await sandbox.run(args, { env: none });
  expect(outcome).toMatchObject({ status: 1, stdout: '' });
  expect(outcome.stderr).toMatch(/mode RsaKeyPair is not supported.*\[identity-unusable\]\n$/);
});

describe('identities beside each other', () => {
  const second: EnsIdentity = {
    accessKeyId: 'LTAI5tSecond',
    accessKeySecret: 'SecondSecret',
    name: 'second',
  };
  const profiles = () => [
    { name: 'one', mode: 'AK', ...accessKey() },
    { name: 'two', mode: 'AK', access_key_id: second.accessKeyId, access_key_secret: second.accessKeySecret },
  ];
  const none = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
  const certificateOf = ({ stdout }: Outcome): string =>
    (JSON.parse(stdout) as { status: { clientCertificateData: string } }).status.clientCertificateData;

  test('never get each other’s certificate when the current profile changes, and find their own again', async () => {
    sandbox.ens.putIdentity(second);
    const args = ['exec-credential', '--cluster-id', sandbox.clusterId];
    const asCurrent = async (current: string): Promise<string> => {
      await cliConfig(profiles(), current);
      return certificateOf(await sandbox.run(args, { env: none }));
    };
    const one = await asCurrent('one');
    const two = await asCurrent('two');
    expect(two).not.toBe(one);
    expect(await asCurrent('one')).toBe(one);
    expect(await asCurrent('two')).toBe(two);
    expect(sandbox.ens.log.map(({ accessKeyId }) => accessKeyId)).toEqual([
      sandbox.identity.accessKeyId,
      second.accessKeyId,
    ]);
  });

  test('do not sign for each other when the first one does not work', async () => {
    const { accessKeyId, accessKeySecret } = sandbox.identity;
    const ini = `[default]\ntype = access_key\naccess_key_id = ${accessKeyId}\naccess_key_secret = ${accessKeySecret}\n`;
    await sandbox.writeHome('.alibabacloud/credentials', ini);
    await cliConfig([{ name: 'test', mode: 'CredentialsURI', credentials_uri: 'http://127.0.0.1:9/gone' }]);
    const outcome = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId], { env: none });
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toContain('[identity-unavailable]');
    expect(sandbox.ens.calls()).toBe(0);
  });

  test('do not lend an AccessKey of the environment to a profile without one', async () => {
    await cliConfig([{ name: 'empty', mode: 'AK' }]);
    const outcome = await sandbox.run([
      'exec-credential',
      '--cluster-id',
      sandbox.clusterId,
      '--profile',
      'empty',
    ]);
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/has no AccessKey.*\[identity-unusable\]\n$/);
    expect(sandbox.ens.calls()).toBe(0);
  });

  test('are pinned by get-credentials, so that a context stays who it is', async () => {
    sandbox.ens.putIdentity(second);
    await cliConfig(profiles(), 'two');
    const printed = await sandbox.run(['get-credentials', sandbox.clusterId, '--print'], { env: none });
    expect(printed.stdout).toMatch(/args: .*--profile, two/);
    await cliConfig(profiles(), 'one');
    const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--profile', 'two'];
    await sandbox.ens.stop();
    expect(await sandbox.run(args, { env: none })).toMatchObject({ status: 0, stderr: '' });
  });

  test('of two endpoints and one cluster id are four kept credentials', async () => {
    sandbox.ens.putIdentity(second);
    await cliConfig(profiles());
    const endpoints = [sandbox.ens.endpoint, sandbox.ens.endpoint.replace('127.0.0.1', 'localhost')];
    const certificates = new Map<string, string>();
    for (const round of [1, 2]) {
      for (const profile of ['one', 'two']) {
        for (const endpoint of endpoints) {
          const flags = ['--profile', profile, '--endpoint', endpoint];
          const outcome = await sandbox.run(
            ['exec-credential', '--cluster-id', sandbox.clusterId, ...flags],
            { env: none },
          );
          const key = `${profile} ${endpoint}`;
          if (round === 2) expect(certificateOf(outcome)).toBe(certificates.get(key));
          certificates.set(key, certificateOf(outcome));
        }
      }
    }
    expect(new Set(certificates.values()).size).toBe(4);
    expect(sandbox.ens.calls()).toBe(4);
  });
});
