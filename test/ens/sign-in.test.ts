import { createServer, type RequestListener } from 'node:http';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { signIn, type Signer } from '../../src/ens/sign-in.js';
import { EckError, type ErrorCode } from '../../src/errors.js';
import type { SettingTexts } from '../../src/settings.js';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js';
import type { EnsIdentity } from '../support/ens-account.js';
import { Loopback } from '../support/loopback.js';
import { ProxyServer } from '../support/proxy-server.js';
import { StsServer } from '../support/sts-server.js';
import { settings, TemporaryHome } from './fixtures.js';

const secret = 'hunter2hunter2hunter2';
const token = 'hunter3hunter3hunter3';
const role = 'acs:ram::1234567890123456:role/edge';

let home: TemporaryHome;
let opened: (() => Promise<void>)[];

beforeEach(() => {
  home = new TemporaryHome();
  opened = [];
});
afterEach(async () => {
  home.dispose();
  for (const close of opened) await close();
});

function signer(typed: SettingTexts = {}): Promise<Signer> {
  return signIn(settings(typed), home.world);
}

/** The credentials that calls are signed with. */
async function credentials({ credential }: Signer): Promise<unknown> {
  const { accessKeyId, accessKeySecret, securityToken } = await credential.getCredential();
  return { accessKeyId, accessKeySecret, securityToken };
}

/** Expects that nobody is signed in, and that no secret is told. @returns the message */
async function refusal(code: ErrorCode, typed: SettingTexts = {}): Promise<string> {
  const error: unknown = await signer(typed).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EckError);
  const { message, cause } = error as EckError;
  expect({ code: (error as EckError).code, message }).toMatchObject({ code });
  expect(message).not.toMatch(/hunter\d/);
  // eslint-disable-next-line no-control-regex
  expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  expect(cause).toBeUndefined();
  return message;
}

const accessKey = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tEnvironment',
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret,
};

function writeCredentialsFile(path = '.alibabacloud/credentials', profile = 'default'): string {
  const lines = ['type = access_key', 'access_key_id = LTAI5tFile', `access_key_secret = ${secret}`];
  return home.write(path, [`[${profile}]`, ...lines, ''].join('\n'));
}

function writeProfiles(current = 'default'): void {
  const keys = (name: string) => ({ access_key_id: `LTAI5t${name}`, access_key_secret: `${secret}-${name}` });
  home.writeCliConfig(
    [
      { name: 'default', mode: 'AK', ...keys('default'), region_id: 'cn-hangzhou' },
      { name: 'work', mode: 'AK', ...keys('work'), region_id: 'ap-southeast-1' },
      { name: 'session', mode: 'StsToken', ...keys('session'), sts_token: token },
      { name: 'broken', mode: 'StsToken', ...keys('broken') },
      { name: 'strange', mode: 'Telepathy', ...keys('strange') },
    ],
    current,
  );
}

async function serve(listener: RequestListener): Promise<string> {
  const loopback = new Loopback(createServer(listener));
  await loopback.open();
  opened.push(() => loopback.close());
  return `http://127.0.0.1:${loopback.port}/`;
}

/** A service that hands out an identity, as ALIBABA_CLOUD_CREDENTIALS_URI names one. */
function serveIdentity(): Promise<string> {
  return serve((_, response) => {
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    const identity = { AccessKeyId: 'STS.uri', AccessKeySecret: secret, SecurityToken: token, Expiration };
    response.end(JSON.stringify({ Code: 'Success', ...identity }));
  });
}

describe('an identity is found', () => {
  test('in the AccessKey of the environment', async () => {
    home.useEnvironment(accessKey);
    const found = await signer();
    expect(found.description).toContain('LTAI5tEnvironment');
    expect(found.profile).toBeUndefined();
    await expect(credentials(found)).resolves.toEqual({
      accessKeyId: 'LTAI5tEnvironment',
      accessKeySecret: secret,
      securityToken: undefined,
    });
  });

  test('in the AccessKey of the environment, with its token', async () => {
    home.useEnvironment({ ...accessKey, ALIBABA_CLOUD_SECURITY_TOKEN: token });
    await expect(credentials(await signer())).resolves.toMatchObject({ securityToken: token });
  });

  test("in the CLI's current profile", async () => {
    writeProfiles('work');
    const found = await signer();
    expect(found.description).toBe('profile work of the aliyun CLI');
    expect(found.profile).toMatchObject({ name: 'work', region: 'ap-southeast-1' });
    await expect(credentials(found)).resolves.toMatchObject({
      accessKeyId: 'LTAI5twork',
      accessKeySecret: `${secret}-work`,
    });
  });

  test("in the CLI's profile that the environment names", async () => {
    writeProfiles('work');
    home.useEnvironment({ ALIBABA_CLOUD_PROFILE: 'session' });
    const found = await signer();
    expect(found.profile?.name).toBe('session');
    await expect(credentials(found)).resolves.toMatchObject({
      accessKeyId: 'LTAI5tsession',
      securityToken: token,
    });
  });

  test("in the CLI's default profile, where none is current", async () => {
    writeProfiles('');
    await expect(signer()).resolves.toMatchObject({ profile: { name: 'default' } });
  });

  test('in the credentials file', async () => {
    writeCredentialsFile();
    const found = await signer();
    expect(found.description).toMatch(/^profile default of .*\/\.alibabacloud\/credentials$/);
    expect(found.profile).toBeUndefined();
    await expect(credentials(found)).resolves.toMatchObject({
      accessKeyId: 'LTAI5tFile',
      accessKeySecret: secret,
    });
  });

  test('in the profile and the credentials file that the environment names', async () => {
    const file = writeCredentialsFile('elsewhere.ini', 'work');
    home.useEnvironment({ ALIBABA_CLOUD_CREDENTIALS_FILE: file, ALIBABA_CLOUD_PROFILE: 'work' });
    const found = await signer();
    expect(found.description).toBe(`profile work of ${file}`);
    await expect(credentials(found)).resolves.toMatchObject({ accessKeyId: 'LTAI5tFile' });
  });

  test('at a credentials URI', async () => {
    home.useEnvironment({ ALIBABA_CLOUD_CREDENTIALS_URI: await serveIdentity() });
    const found = await signer();
    expect(found.description).toContain('ALIBABA_CLOUD_CREDENTIALS_URI');
    await expect(credentials(found)).resolves.toEqual({
      accessKeyId: 'STS.uri',
      accessKeySecret: secret,
      securityToken: token,
    });
  });

  test('in the first of these places that has one', async () => {
    writeProfiles();
    writeCredentialsFile();
    const everywhere = { ...accessKey, ALIBABA_CLOUD_CREDENTIALS_URI: await serveIdentity() };
    const without = async (...names: string[]): Promise<string> => {
      home.useEnvironment(
        Object.fromEntries(Object.entries(everywhere).filter(([name]) => !names.includes(name))),
      );
      return (await signer()).description;
    };
    expect(await without()).toContain('LTAI5tEnvironment');
    // An AccessKey without its secret is none.
    expect(await without('ALIBABA_CLOUD_ACCESS_KEY_SECRET')).toBe('profile default of the aliyun CLI');
    home.useEnvironment({ ...everywhere, ALIBABA_CLOUD_ACCESS_KEY_ID: '' });
    expect((await signer()).description).toBe('profile default of the aliyun CLI');
    home.useEnvironment({
      ALIBABA_CLOUD_CLI_PROFILE_DISABLED: 'True',
      ALIBABA_CLOUD_CREDENTIALS_URI: everywhere.ALIBABA_CLOUD_CREDENTIALS_URI,
    });
    expect((await signer()).description).toContain('.alibabacloud/credentials');
    home.useEnvironment({
      ALIBABA_CLOUD_CLI_PROFILE_DISABLED: 'true',
      ALIBABA_CLOUD_CREDENTIALS_FILE: `${home.directory}/gone`,
      ALIBABA_CLOUD_CREDENTIALS_URI: everywhere.ALIBABA_CLOUD_CREDENTIALS_URI,
    });
    expect((await signer()).description).toContain('ALIBABA_CLOUD_CREDENTIALS_URI');
  });

  test('in the profile that is named, whatever there is besides', async () => {
    writeProfiles('default');
    writeCredentialsFile();
    home.useEnvironment({ ...accessKey, ALIBABA_CLOUD_PROFILE: 'session' });
    const found = await signer({ profile: 'work' });
    expect(found).toMatchObject({ description: 'profile work of the aliyun CLI', profile: { name: 'work' } });
    await expect(credentials(found)).resolves.toMatchObject({ accessKeyId: 'LTAI5twork' });
  });

  test('and described without control characters', async () => {
    home.useEnvironment({ ...accessKey, ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI\u001b[2J\u202e\n5t' });
    // eslint-disable-next-line no-control-regex
    expect((await signer()).description).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe('where there is no identity anywhere', () => {
  const inOrder = [
    'ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET: ',
    'ALIBABA_CLOUD_ROLE_ARN',
    '~/.aliyun/config.json',
    '~/.alibabacloud/credentials',
    'metadata service): disabled',
    'ALIBABA_CLOUD_CREDENTIALS_URI: ',
    'aliyun configure',
  ];

  test('all the places that were looked at are named in their order, and how to give one', async () => {
    const message = await refusal('identity-not-found');
    const positions = inOrder.map((part) => message.indexOf(part));
    expect(positions).not.toContain(-1);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  });

  const aRole = {
    ALIBABA_CLOUD_ROLE_ARN: role,
    ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1:oidc-provider/p',
    ALIBABA_CLOUD_OIDC_TOKEN_FILE: '/nowhere',
  };
  test.each<[string, Record<string, string>, RegExp]>([
    ['an AccessKey without its secret', { ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI' }, /SECRET: no secret;/],
    [
      'a role without its provider',
      { ...aRole, ALIBABA_CLOUD_OIDC_PROVIDER_ARN: '' },
      /: no ALIBABA_CLOUD_OIDC_PROVIDER_ARN;/,
    ],
    [
      'a role without its token file',
      { ...aRole, ALIBABA_CLOUD_OIDC_TOKEN_FILE: '' },
      /: no ALIBABA_CLOUD_OIDC_TOKEN_FILE;/,
    ],
    [
      'a CLI that is switched off',
      { ALIBABA_CLOUD_CLI_PROFILE_DISABLED: 'true' },
      /config\.json\): disabled;/,
    ],
  ])('what is missing is told: %s', async (_, environment, expected) => {
    home.useEnvironment(environment);
    expect(await refusal('identity-not-found')).toMatch(expected);
  });

  test('the profiles that there are are told, where the one that is current is not there', async () => {
    writeProfiles('gone');
    expect(await refusal('identity-not-found')).toMatch(/no profile gone \(it has default, work, session, /);
  });
});

describe('an identity that cannot be used', () => {
  test.each([
    ['JSON that is cut', `{"current":"default","profiles":[{"access_key_secret":"${secret}"`],
    ['no JSON', secret],
    ['JSON of something else', `{"access_key_secret":"${secret}"}`],
  ])('in a CLI configuration of %s is told, without a secret', async (_, text) => {
    home.write('.aliyun/config.json', text);
    expect(await refusal('identity-unusable')).toContain('.aliyun/config.json');
    expect(await refusal('identity-unusable', { profile: 'default' })).toContain('.aliyun/config.json');
  });

  test.each([
    ['a type that nobody knows', `[default]\ntype = ${secret}\naccess_key_secret = ${secret}\n`],
    ['no type', `[default]\naccess_key_secret = ${secret}\n`],
    ['no such profile', `[${secret}]\ntype = access_key\naccess_key_secret = ${secret}\n`],
    ['no id', `[default]\ntype = access_key\naccess_key_secret = ${secret}\n`],
    ['nothing', ''],
  ])('in a credentials file with %s is told, without a secret', async (_, text) => {
    home.write('.alibabacloud/credentials', text);
    expect(await refusal('identity-unusable')).toContain(
      '~/.alibabacloud/credentials: no usable credentials',
    );
  });

  test('is told by the first place that has one, and nobody else signs in its stead', async () => {
    writeProfiles('strange');
    home.write('.alibabacloud/credentials', '');
    const closed = await serve(() => undefined);
    await opened.pop()?.();
    home.useEnvironment({ ALIBABA_CLOUD_CREDENTIALS_URI: closed });
    const message = await refusal('identity-unusable');
    expect(message).toContain('Telepathy');
    expect(message).not.toContain('connection is refused');
  });
});

describe('a profile that is named and', () => {
  test('is not there is told, with those that are', async () => {
    writeProfiles();
    const message = await refusal('identity-unusable', { profile: 'gone' });
    expect(message).toMatch(/gone.*it has default, work, session, broken, strange/);
    expect(message).toContain('aliyun configure --profile gone');
  });

  test('differs in its letters is not there', async () => {
    writeProfiles();
    await refusal('identity-unusable', { profile: 'Work' });
  });

  test('is not there because there is no file is told', async () => {
    expect(await refusal('identity-unusable', { profile: 'work' })).toContain('no ~/.aliyun/config.json');
  });

  test('is not there is not looked for anywhere else', async () => {
    writeCredentialsFile(undefined, 'work');
    home.useEnvironment(accessKey);
    await refusal('identity-unusable', { profile: 'work' });
  });

  test('lacks something is told, without a secret', async () => {
    writeProfiles();
    await refusal('identity-unusable', { profile: 'broken' });
  });

  test('has a mode that nobody knows is told, with the mode', async () => {
    writeProfiles();
    expect(await refusal('identity-unusable', { profile: 'strange' })).toContain('Telepathy');
  });

  test('has a secret for a mode is told without it', async () => {
    home.writeCliConfig([{ name: 'odd', mode: `'${secret}'` }]);
    await refusal('identity-unusable', { profile: 'odd' });
  });

  test('has a name that would change the terminal is told without that, as are the others', async () => {
    home.writeCliConfig([{ name: 'one\u001b[2J' }, { name: 'two\u202e\n' }, { name: 'x'.repeat(5000) }]);
    const message = await refusal('identity-unusable', { profile: 'three\u001b[31m\n' });
    expect(message.length).toBeLessThan(1000);
  });
});

describe('a service that hands out identities', () => {
  const answers: readonly [string, ErrorCode, RequestListener][] = [
    [
      'refuses with a code',
      'identity-refused',
      (_, response) => {
        response.writeHead(403).end(JSON.stringify({ Code: 'NoPermission', Message: secret }));
      },
    ],
    ['refuses without a code', 'identity-refused', (_, response) => response.writeHead(403).end(secret)],
    [
      'asks to slow down',
      'identity-unavailable',
      (_, response) => {
        response.writeHead(400).end(JSON.stringify({ Code: 'Throttling.User', Message: secret }));
      },
    ],
    ['is out of order', 'identity-unavailable', (_, response) => response.writeHead(503).end(secret)],
    [
      'is out of order, with a code',
      'identity-unavailable',
      (_, response) => {
        response.writeHead(500).end(JSON.stringify({ Code: 'InternalError', Message: secret }));
      },
    ],
    ['breaks the connection', 'identity-unavailable', ({ socket }) => socket.destroy()],
    ['does not answer', 'identity-unavailable', () => undefined],
    [
      'answers without end',
      'identity-unavailable',
      (_, response) => {
        const send = (): void => {
          while (!response.destroyed && response.write(secret.repeat(1000)));
        };
        response.on('drain', send);
        send();
      },
    ],
    [
      'answers something that is not JSON',
      'identity-unusable',
      (_, response) => response.end(`<p>${secret}</p>`),
    ],
    [
      'answers half of it',
      'identity-unusable',
      (_, response) => {
        response.end(JSON.stringify({ AccessKeyId: 'STS.uri', AccessKeySecret: secret }));
      },
    ],
    ['answers null', 'identity-unusable', (_, response) => response.end('null')],
  ];

  test.each(answers)('and %s is %s, without a secret', async (_, code, listener) => {
    home.useEnvironment({ ALIBABA_CLOUD_CREDENTIALS_URI: await serve(listener) });
    const message = await refusal(code, { 'read-timeout': '300ms' });
    expect(message).toMatch(/ALIBABA_CLOUD_CREDENTIALS_URI: \S/);
  });

  test('and is not there is not reached, and its URI is not told, since it may hold a secret', async () => {
    const closed = await serve(() => undefined);
    await opened.pop()?.();
    home.useEnvironment({ ALIBABA_CLOUD_CREDENTIALS_URI: `${closed}?key=${secret}` });
    expect(await refusal('identity-unavailable')).toContain('127.0.0.1: the connection is refused');
  });

  test('is not asked where it is not the place', async () => {
    let asked = 0;
    const uri = await serve((_, response) => {
      asked += 1;
      response.end();
    });
    home.useEnvironment({ ...accessKey, ALIBABA_CLOUD_CREDENTIALS_URI: uri });
    await signer();
    expect(asked).toBe(0);
  });
});

describe('a role', () => {
  const oidcToken = 'hunter4.oidc.token';
  let authority: CertificateAuthority;
  let certificate: IssuedCertificate;
  let sts: StsServer;
  let network: Record<string, string>;
  let issued: EnsIdentity[];

  beforeAll(async () => {
    authority = await CertificateAuthority.create({ name: 'outside world CA' });
    certificate = await authority.issue({
      commonName: 'sts.aliyuncs.com',
      usage: 'server',
      subjectAltNames: ['sts.aliyuncs.com'],
    });
  });

  beforeEach(async () => {
    issued = [];
    const known: EnsIdentity = { name: 'env', accessKeyId: 'LTAI5tEnvironment', accessKeySecret: secret };
    sts = await StsServer.start({
      certificate,
      identityOf: (accessKeyId) => (accessKeyId === known.accessKeyId ? known : undefined),
      oidcTokens: [oidcToken],
      onIssue: (identity) => issued.push(identity),
    });
    opened.push(() => sts.stop());
    const proxy = await ProxyServer.start({ hosts: { 'sts.aliyuncs.com:443': sts.port } });
    opened.push(() => proxy.stop());
    const file = home.write('authority.pem', authority.certificatePem);
    network = { HTTPS_PROXY: `http://${proxy.host}`, NODE_EXTRA_CA_CERTS: file };
  });

  const oidc = (tokenFile: string) => ({
    ALIBABA_CLOUD_ROLE_ARN: role,
    ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1234567890123456:oidc-provider/p',
    ALIBABA_CLOUD_OIDC_TOKEN_FILE: tokenFile,
  });

  test('is taken on with an OIDC token, before the CLI is asked', async () => {
    writeProfiles();
    home.useEnvironment({ ...network, ...oidc(home.write('token', oidcToken)) });
    const found = await signer();
    expect(found.description).toContain(role);
    expect(found.profile).toBeUndefined();
    expect(sts.actions).toEqual([`AssumeRoleWithOIDC ${role}`]);
    await expect(credentials(found)).resolves.toMatchObject({ accessKeyId: issued[0]?.accessKeyId });
  });

  test('is refused with a wrong OIDC token, which is not told', async () => {
    home.useEnvironment({ ...network, ...oidc(home.write('token', 'hunter5.wrong.token')) });
    expect(await refusal('identity-refused')).toContain('AuthenticationFail.OIDCToken.Invalid');
  });

  test('cannot be taken on without the file of the token', async () => {
    home.useEnvironment({ ...network, ...oidc(`${home.directory}/gone`) });
    expect(await refusal('identity-unusable')).toMatch(/OIDC role .*: no usable credentials\./);
  });

  test('cannot be taken on where STS is not reached', async () => {
    await sts.stop();
    home.useEnvironment({ ...network, ...oidc(home.write('token', oidcToken)) });
    expect(await refusal('identity-unavailable')).toContain('sts.aliyuncs.com');
  });

  test('cannot be taken on from an STS that is not trusted', async () => {
    home.useEnvironment({ ...network, NODE_EXTRA_CA_CERTS: '', ...oidc(home.write('token', oidcToken)) });
    expect(await refusal('identity-unavailable')).toContain('NODE_EXTRA_CA_CERTS');
  });

  test('is taken on on top of an identity, which is told too', async () => {
    home.useEnvironment({ ...network, ...accessKey });
    const found = await signer({ 'role-arn': role });
    expect(found.description).toContain(role);
    expect(found.description).toContain('LTAI5tEnvironment');
    expect(sts.actions).toEqual([`AssumeRole ${role}`]);
    await expect(credentials(found)).resolves.toMatchObject({ securityToken: issued[0]?.securityToken });
  });

  test('is taken on on top of a profile, which stays the profile', async () => {
    home.writeCliConfig([
      { name: 'work', mode: 'AK', access_key_id: 'LTAI5tEnvironment', access_key_secret: secret },
    ]);
    home.useEnvironment(network);
    const found = await signer({ 'role-arn': role, profile: 'work' });
    expect(found).toMatchObject({ profile: { name: 'work' } });
    expect(found.description).toBe(`the RAM role ${role} taken on by profile work of the aliyun CLI`);
  });

  test('is refused to an identity that STS does not know, whose secret is not told', async () => {
    home.useEnvironment({ ...network, ...accessKey, ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tNobody' });
    expect(await refusal('identity-refused', { 'role-arn': role })).toContain('InvalidAccessKeyId.NotFound');
  });
});
