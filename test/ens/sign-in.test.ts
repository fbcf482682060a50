import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { profileProvider } from '../../src/ens/providers.js';
import { signIn, type Signer } from '../../src/ens/sign-in.js';
import type { ErrorCode } from '../../src/errors.js';
import { resolveIdentity } from '../../src/exec-credential/resolve-identity.js';
import { identityKey } from '../../src/identity.js';
import type { SettingTexts } from '../../src/settings.js';
import { alice, failureOf, serve, settings, TestWorld } from './fixtures.js';

const secret = 'hunter2hunter2hunter2';
const token = 'hunter3hunter3hunter3';
const role = 'acs:ram::1234567890123456:role/edge';

let world: TestWorld;

beforeEach(() => {
  world = new TestWorld();
});

const signInWith = (typed: SettingTexts = {}): Promise<Signer> => signIn(settings(typed), world);

/** Expects that nothing signs in. @returns the message */
async function refusal(code: ErrorCode, typed: SettingTexts = {}): Promise<string> {
  const error = await failureOf(signInWith(typed));
  expect({ code: error.code, message: error.message }).toMatchObject({ code });
  expect(error.fix).toMatch(/\S/);
  return error.message;
}

function writeProfiles(current = 'default'): void {
  const key = (name: string) => ({ access_key_id: `LTAI5t${name}`, access_key_secret: secret });
  world.writeCliConfig(
    [
      { name: 'default', mode: 'AK', ...key('default'), region_id: 'cn-hangzhou' },
      { name: 'work', mode: 'AK', ...key('work'), region_id: 'ap-southeast-1' },
      { name: 'session', mode: 'StsToken', ...key('session'), sts_token: token },
      { name: 'empty', mode: 'AK', access_key_id: '', access_key_secret: '' },
      { name: 'strange', mode: 'Telepathy', ...key('strange') },
    ],
    current,
  );
}

type Variables = Record<string, string>;

/** An AccessKey in variables. */
const keyIn = (prefix: string, accessKeyId: string): Variables => ({
  [`${prefix}ACCESS_KEY_ID`]: accessKeyId,
  [`${prefix}ACCESS_KEY_SECRET`]: secret,
});
const oidcIn = (prefix: string): Variables => ({
  [`${prefix}ROLE_ARN`]: role,
  [`${prefix}OIDC_PROVIDER_ARN`]: 'provider',
  [`${prefix}OIDC_TOKEN_FILE`]: '/gone',
});

const accessKey = keyIn('ALIBABA_CLOUD_', 'LTAI5tEnvironment');

describe('the identity', () => {
  const work = 'profile work of the aliyun CLI';
  const ofWork = [work, 'profile:work'] as const;
  const sdk = keyIn('ALIBABA_CLOUD_', 'LTAI1');
  const [cli, old, bare] = [keyIn('ALIBABACLOUD_', 'LTAI2'), keyIn('ALICLOUD_', 'LTAI3'), keyIn('', 'LTAI4')];
  const keyOf = (number: number, variable: string) =>
    [`the AccessKey LTAI${number} of ${variable}`, `access-key:LTAI${number}`] as const;
  const [ofSdk, ofCli] = [keyOf(1, 'ALIBABA_CLOUD_ACCESS_KEY_ID'), keyOf(2, 'ALIBABACLOUD_ACCESS_KEY_ID')];
  const [ofOld, ofBare] = [keyOf(3, 'ALICLOUD_ACCESS_KEY_ID'), keyOf(4, 'ACCESS_KEY_ID')];
  const ofOidc = [`the RAM role ${role} assumed with an OIDC token`, `oidc:${role}`] as const;
  const [noId, noSecret] = [{ ALIBABA_CLOUD_ACCESS_KEY_ID: '' }, { ALIBABA_CLOUD_ACCESS_KEY_SECRET: '' }];
  const incomplete = (set: string, missing: string): string =>
    `ALIBABA_CLOUD_ACCESS_KEY_${set} is set without ALIBABA_CLOUD_ACCESS_KEY_${missing}`;
  const workIn = (name: string): Variables => ({ [name]: 'work' });
  const session = { ALIBABA_CLOUD_PROFILE: 'session' };
  const ofSession = 'profile session of ALIBABA_CLOUD_PROFILE';
  const disabled = { ALIBABA_CLOUD_CLI_PROFILE_DISABLED: 'True' };
  const ignored = { ALIBABACLOUD_IGNORE_PROFILE: 'TRUE' };
  const gone = { ALICLOUD_PROFILE: 'gone' };
  const chosen = { '--profile': 'work' };
  const file = { ALIBABA_CLOUD_CREDENTIALS_FILE: 'credentials' };
  const fileOf = (name: string) => [`profile ${name} of FILE`, `credentials-file:FILE:${name}`] as const;
  const none = ['has no AccessKey, or half of one', 'ecs-role:'] as const;
  const uri = { ALIBABA_CLOUD_CREDENTIALS_URI: 'http://127.0.0.1:9/' };
  const ofUri = 'the identity of ALIBABA_CLOUD_CREDENTIALS_URI';
  const uriDigest = createHash('sha256').update(uri.ALIBABA_CLOUD_CREDENTIALS_URI).digest('hex');
  const keyOfUri = `credentials-uri:${uriDigest.slice(0, 16)}`;

  type Row = [what: string, current: string, Variables, readonly [string, string], string[]?];
  // Where signing in fails, its message names the identity.
  test.each<Row>([
    ['the current profile', 'work', {}, ofWork],
    ['the default profile if none is current', '', {}, ['profile default of', 'profile:default']],
    ['an AccessKey before profiles', 'work', sdk, ofSdk, [work]],
    ['no AccessKey without a secret', 'work', { ...sdk, ...noSecret }, ofWork, [incomplete('ID', 'SECRET')]],
    ['no AccessKey without an id', 'work', { ...sdk, ...noId }, ofWork, [incomplete('SECRET', 'ID')]],
    ['an OIDC role before profiles', 'work', oidcIn('ALIBABA_CLOUD_'), ofOidc],
    ['an AccessKey before OIDC', 'work', { ...oidcIn('ALIBABA_CLOUD_'), ...sdk }, ofSdk, [ofOidc[0], work]],
    ['ALIBABACLOUD_PROFILE', 'default', workIn('ALIBABACLOUD_PROFILE'), ofWork],
    ['ALIBABA_CLOUD_PROFILE', 'default', workIn('ALIBABA_CLOUD_PROFILE'), ofWork],
    ['ALICLOUD_PROFILE', 'default', workIn('ALICLOUD_PROFILE'), ofWork],
    ['the first of these', 'default', { ...workIn('ALIBABACLOUD_PROFILE'), ...session }, ofWork, [ofSession]],
    ['a profile before other variables', 'work', { ...cli, ...old }, ofWork, [ofCli[0], ofOld[0]]],
    ['ALIBABACLOUD_ACCESS_KEY_ID', 'empty', { ...cli, ...old, ...bare }, ofCli, [ofOld[0], ofBare[0]]],
    ['ALICLOUD_ACCESS_KEY_ID', 'empty', { ...bare, ...old }, ofOld, [ofBare[0]]],
    ['ACCESS_KEY_ID', 'empty', { ...bare, ...oidcIn('ALIBABACLOUD_') }, ofBare, [ofOidc[0]]],
    ['ALIBABACLOUD_ROLE_ARN', 'empty', oidcIn('ALIBABACLOUD_'), ofOidc],
    ['no profile where profiles are disabled', 'work', { ...disabled, ...session, ...cli }, ofCli],
    ['no profile where profiles are ignored', 'work', { ...ignored, ...session, ...cli }, ofCli],
    ['one AccessKey, not two', 'work', { ...sdk, ...keyIn('', 'LTAI1') }, ofSdk, [work]],
    ['other variables before a file', 'empty', { ...file, ...cli }, ofCli, ['profile default of FILE']],
    ['a credentials file', 'empty', { ...file, ...uri }, fileOf('default'), [ofUri]],
    ['its section', 'work', { ...file, ...session, ...disabled }, fileOf('session')],
    ['its section, no profile', 'work', { ...file, ALIBABA_CLOUD_PROFILE: 'other' }, fileOf('other')],
    ['a credentials URI', 'empty', uri, [ofUri, keyOfUri]],
    ['a credentials URI where profiles are ignored', 'work', { ...uri, ...ignored }, [ofUri, keyOfUri]],
    ['no other than the named', 'work', { ...gone, ...cli }, ['has no profile gone', 'profile:gone']],
    ['none', 'empty', {}, none],
    ['--profile before all', 'default', { ...sdk, ...session, ...disabled, ...chosen }, ofWork, [ofSdk[0]]],
    ['--profile before others', 'default', { ...session, ...old, ...chosen }, ofWork, [ofOld[0], ofSession]],
  ])('is %s', async (_, current, { '--profile': profile, ...variables }, [words, key], passedOver = []) => {
    const typed = profile === undefined ? {} : { profile };
    writeProfiles(current);
    const section = `type = access_key\naccess_key_id = LTAI\naccess_key_secret = ${secret}\n`;
    const credentials = world.write(
      'credentials',
      ['default', 'session', 'other'].map((name) => `[${name}]\n${section}`).join('\n'),
    );
    const path = variables['ALIBABA_CLOUD_CREDENTIALS_FILE'] && credentials;
    world.setVariables({ ...variables, ALIBABA_CLOUD_CREDENTIALS_FILE: path });
    if (path) process.env['ALIBABA_CLOUD_CREDENTIALS_FILE'] = path;
    const signer = await signInWith(typed).catch((error: unknown) => error as Partial<Signer & Error>);
    delete process.env['ALIBABA_CLOUD_CREDENTIALS_FILE'];
    const withoutPath = (text = ''): string =>
      text.replaceAll(credentials, 'FILE').replaceAll(encodeURI(credentials), 'FILE');
    expect(withoutPath(signer.description ?? (signer as Error).message)).toContain(words);
    expect(signer.passedOver?.map(withoutPath) ?? []).toEqual(passedOver);
    // The first result is saved, and the second one is read.
    for (let time = 0; time < 2; time += 1) {
      expect(withoutPath(identityKey(await resolveIdentity(settings(typed), world)))).toBe(key);
    }
  });

  test('is found again after a change of anything that the saved result depends on', async () => {
    const steps: [Variables, string][] = [
      [{}, 'ecs-role:'],
      [uri, keyOfUri],
      [{ ALIBABA_CLOUD_ECS_METADATA: 'edge' }, 'ecs-role:edge'],
      [old, ofOld[1]],
      [cli, ofCli[1]],
      [workIn('ALICLOUD_PROFILE'), 'profile:work'],
      [{ ...workIn('ALICLOUD_PROFILE'), ...session }, 'profile:session'],
      [{ ...workIn('ALICLOUD_PROFILE'), ...session, ...ignored }, 'ecs-role:'],
    ];
    const resolved: string[] = [];
    writeProfiles('empty');
    for (const [variables] of steps) {
      world.setVariables(variables);
      resolved.push(identityKey(await resolveIdentity(settings(), world)));
    }
    expect(resolved).toEqual(steps.map(([, key]) => key));
    world.setVariables({});
    await resolveIdentity(settings(), world);
    writeProfiles('work');
    expect(identityKey(await resolveIdentity(settings(), world))).toBe('profile:work');
  });

  test('is that of a later place where a file cannot even be looked at', async () => {
    world.setVariables({ ALIBABA_CLOUD_CREDENTIALS_FILE: world.write('credentials', '') });
    mkdirSync(join(world.directory, '.aliyun'));
    symlinkSync('config.json', join(world.directory, '.aliyun/config.json'));
    expect(await resolveIdentity(settings(), world)).toMatchObject({ kind: 'credentials-file' });
  });
});

describe('without an identity', () => {
  test('the message is short, and the places are debug lines', async () => {
    const error = await failureOf(signInWith());
    expect(error).toMatchObject({
      code: 'identity-not-found',
      message: 'No Alibaba Cloud identity was found',
      fix: 'Run "aliyun configure", or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    });
    expect(world.debugLines).toEqual([
      'no identity in ALIBABA_CLOUD_ACCESS_KEY_ID',
      'no identity in ALIBABA_CLOUD_ROLE_ARN',
      'no identity in ~/.aliyun/config.json',
      'no identity in ALIBABACLOUD_ACCESS_KEY_ID',
      'no identity in ALICLOUD_ACCESS_KEY_ID',
      'no identity in ACCESS_KEY_ID',
      'no identity in ALIBABACLOUD_ROLE_ARN',
      'no identity in ~/.alibabacloud/credentials',
      'no identity in ALIBABA_CLOUD_CREDENTIALS_URI',
      'no identity in the metadata service of ECS',
    ]);
  });

  const id = 'ALIBABA_CLOUD_ACCESS_KEY_ID';
  const provider = 'ALIBABA_CLOUD_OIDC_PROVIDER_ARN';
  const file = 'ALIBABA_CLOUD_OIDC_TOKEN_FILE';
  test.each<[Record<string, string>, string]>([
    [{ [id]: 'LTAI' }, `${id} is set without ALIBABA_CLOUD_ACCESS_KEY_SECRET`],
    [{ ALIBABA_CLOUD_ROLE_ARN: role, [file]: '/x' }, `ALIBABA_CLOUD_ROLE_ARN is set without ${provider}`],
    [{ ALIBABA_CLOUD_ROLE_ARN: role, [provider]: 'p' }, `ALIBABA_CLOUD_ROLE_ARN is set without ${file}`],
    [
      { ALIBABACLOUD_ACCESS_KEY_SECRET: secret },
      'ALIBABACLOUD_ACCESS_KEY_SECRET is set without ALIBABACLOUD_ACCESS_KEY_ID',
    ],
    [{ ALIBABA_CLOUD_PROFILE: 'work' }, 'The aliyun CLI has no profile work'],
    [{ ALIBABA_CLOUD_PROFILE: 'work\n' }, 'The aliyun CLI has no profile "work\\n"'],
  ])('what is incomplete is the message: %j', async (variables, message) => {
    world.setVariables(variables);
    expect(await refusal('identity-not-found')).toBe(message);
    expect(world.debugLines).toContainEqual(expect.stringContaining(`: ${message}`));
  });

  test('a current profile that is missing or empty is the message', async () => {
    writeProfiles('gone');
    const others = 'it has default, work, session, empty, strange';
    expect(await refusal('identity-not-found')).toBe(`The aliyun CLI has no profile gone (${others})`);
    writeProfiles('empty');
    expect(await refusal('identity-not-found')).toMatch(/^Profile empty of the aliyun CLI has no AccessKey/);
  });
});

describe('an identity that cannot be used', () => {
  test('is a CLI configuration that is not JSON', async () => {
    world.write('.aliyun/config.json', `{"profiles":[{"access_key_secret":"${secret}"`);
    expect(await refusal('identity-unusable')).toContain('.aliyun/config.json is not JSON');
    expect(await refusal('identity-unusable', { profile: 'default' })).toContain('is not JSON');
  });

  test('stops the search', async () => {
    writeProfiles('strange');
    world.setVariables({ ALIBABA_CLOUD_CREDENTIALS_URI: 'http://127.0.0.1:9/' });
    expect(await refusal('identity-unusable')).toBe(
      'Cannot sign in with profile strange of the aliyun CLI: its mode Telepathy is not supported',
    );
  });

  test.each(['gone', 'Work', 'empty', 'gone\u001b[31m\n'])('is the profile %j', async (profile) => {
    writeProfiles();
    world.setVariables(accessKey);
    await refusal('identity-unusable', { profile });
  });

  test.each([
    ['LTAI5t\n', secret, undefined, 'its AccessKey id contains a line end'],
    ['LTAI5t', `${secret}\r\n`, undefined, 'its AccessKey secret contains a line end'],
    ['LTAI5t', secret, `${token} `, 'its security token contains a space or another wrong character'],
    ['LTAI\u001b[2J\u202e', secret, undefined, 'its AccessKey id contains a space or another wrong'],
  ])('is the AccessKey %j', async (accessKeyId, accessKeySecret, securityToken, why) => {
    world.setAccessKey({ ...alice, accessKeyId, accessKeySecret, ...(securityToken && { securityToken }) });
    expect(await refusal('identity-unusable', { 'role-arn': role })).toContain(why);
  });
});

describe('a profile of the aliyun CLI', () => {
  const key = { access_key_id: 'LTAI', access_key_secret: secret };
  const assumed = { ram_role_arn: role, ram_role_name: 'ecs' };
  const context = {
    environment: {},
    timeoutMs: 1000,
    fieldsOf: (name: string) =>
      ({
        withEcs: { mode: 'RamRoleArnWithRoleName', ...assumed },
        chained: { mode: 'ChainableRamRoleArn', source_profile: 'withEcs', ...assumed },
        looping: { mode: 'ChainableRamRoleArn', source_profile: 'looping', ...assumed },
        dangling: { mode: 'ChainableRamRoleArn', source_profile: 'gone', ...assumed },
        roleless: { mode: 'RamRoleArn', ...key },
        tokenless: { mode: 'StsToken', ...key },
        modeless: { ...key },
        lowercase: { mode: 'ramrolearn', ...key, ...assumed },
        short: { mode: 'RamRoleArn', ...key, ...assumed, expired_seconds: 60 },
        spacious: { mode: 'RamRoleArn', ...key, ram_role_arn: `${role}\n` },
        pair: { mode: 'RsaKeyPair', private_key: secret, key_pair_name: 'k' },
        bearer: { mode: 'BearerToken', bearer_token: token },
        anonymous: { mode: 'anonymous' },
        secretive: { mode: `'${secret}'` },
        siteless: { mode: 'OAuth', oauth_site_type: 'MOON' },
        ended: { mode: 'CloudSSO', ...key, sts_token: token, sts_expiration: 1 },
      })[name],
  };

  test.each([
    ['withEcs', 'ram_role_arn/ecs_ram_role'],
    ['chained', 'ram_role_arn/ram_role_arn/ecs_ram_role'],
    ['lowercase', 'ram_role_arn/static_ak'],
  ])('%s signs in as %s', (name, expected) => {
    expect(profileProvider(name, context).getProviderName()).toBe(expected);
  });

  test.each([
    ['looping', 'its source_profile refers to itself'],
    ['dangling', 'its source_profile "gone" does not exist'],
    ['roleless', 'it has no ram_role_arn'],
    ['tokenless', 'it has no sts_token'],
    ['modeless', 'it has no mode'],
    ['secretive', 'its mode is invalid'],
    ['siteless', 'its oauth_site_type is neither CN nor INTL'],
    ['short', 'its expired_seconds is less than 900'],
    ['spacious', 'its ram_role_arn begins or ends with white space'],
    ['pair', 'its mode RsaKeyPair is not supported'],
    ['bearer', 'its mode BearerToken is not supported'],
    ['anonymous', 'its mode Anonymous is not supported'],
    ['ended', 'its CloudSSO session has ended', 'identity-unavailable'],
  ])('%s cannot: %s', (name, message, code = 'identity-unusable') => {
    const error = expect.objectContaining({ code, message });
    expect(() => profileProvider(name, context)).toThrow(error);
  });
});

describe('a service that has the identity', () => {
  const json = (status: number, body: object): RequestListener => {
    return (_, response) => response.writeHead(status).end(JSON.stringify({ ...body, Message: secret }));
  };
  const bare = (status: number, body = secret): RequestListener => {
    return (_, response) => response.writeHead(status).end(body);
  };
  const endless: RequestListener = (_, response) => {
    const send = (): void => {
      while (!response.destroyed && response.write(secret.repeat(1000)));
    };
    response.on('drain', send);
    send();
  };

  const unavailable = 'identity-unavailable';
  test.each<[string, ErrorCode, RequestListener, RegExp]>([
    ['a refusal', 'identity-refused', json(403, { Code: 'NoPermission' }), /refused \(NoPermission\)$/],
    ['too many calls', unavailable, json(400, { Code: 'Throttling.User' }), /Throttling\.User/],
    ['a failure', unavailable, json(500, { Code: 'InternalError' }), /InternalError/],
    ['an unknown code', unavailable, json(403, { Code: 'Unheard.Of' }), /Unheard\.Of/],
    ['a code that is a number', unavailable, json(403, { Code: 403 }), /HTTP 403$/],
    ...[302, 401, 403, 404, 408, 429, 503].map((status): [string, ErrorCode, RequestListener, RegExp] => [
      `HTTP ${status}`,
      unavailable,
      bare(status),
      new RegExp(`HTTP ${status}$`),
    ]),
    ['HTML', unavailable, bare(200, `<p>${secret}</p>`), /no usable credentials$/],
    ['null', unavailable, bare(200, 'null'), /no usable credentials$/],
    ['half of it', unavailable, json(200, { Code: 'Success', AccessKeyId: 'STS' }), /no usable/],
    ['a broken connection', unavailable, ({ socket }) => socket.destroy(), /the connection broke$/],
    ['silence', unavailable, () => undefined, /did not answer within 0\.3 s$/],
    ['a response without end', unavailable, endless, /larger than 256 KiB$/],
  ])('and answers with %s is %s', async (_, code, listener, expected) => {
    // The URI may contain a secret too.
    world.setVariables({ ALIBABA_CLOUD_CREDENTIALS_URI: `${await serve(listener)}?key=${secret}` });
    expect(await refusal(code, { timeout: '300ms' })).toMatch(expected);
  });
});

test('a role cannot be assumed if STS cannot be reached, or a file of certificates is gone', async () => {
  world.setVariables({ HTTPS_PROXY: 'http://127.0.0.1:9', ...accessKey });
  const assumed = `the RAM role ${role} assumed by the AccessKey LTAI5tEnvironment of ALIBABA_CLOUD_ACCESS_KEY_ID`;
  const message = await refusal('identity-unavailable', { 'role-arn': role });
  expect(message).toContain(`Cannot sign in with ${assumed}: sts.aliyuncs.com`);
  expect(message).toMatch(/: the connection is refused$/);
  world.setVariables({ SSL_CERT_FILE: '/gone', ...accessKey });
  const gone = '/gone of SSL_CERT_FILE cannot be read (ENOENT)';
  expect(await refusal('network-untrusted', { 'role-arn': role })).toBe(gone);
});
