import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { apiError } from '../support/ens-faults.js';
import type { EnsIdentity } from '../support/ens-account.js';
import type { Outcome } from '../support/kubectl.js';
import { oidcToken, OutsideWorld } from '../support/outside-world.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { noAccessKey, type RunOptions } from '../support/sandbox.js';
import { stopAfterTest } from '../support/stop-after-test.js';

const role = 'acs:ram::1234567890123456:role/edge';
const wrongSecret = 'WrongSecret0000000000000000000';
const accessToken = 'an-access-token';
const temporary: EnsIdentity = {
  accessKeyId: 'STS.temporary',
  accessKeySecret: 'TemporarySecret00000000000000',
  securityToken: 'TemporaryToken0000000000000000',
  name: 'temporary',
};

let outside: OutsideWorld;

useSandbox();
beforeEach(async () => {
  sandbox.ens.putIdentity(temporary);
  outside = stopAfterTest(await OutsideWorld.start(sandbox));
});

/** Answers with the temporary identity: a credentials URI, or OAuth for the CLI's access token. */
const give =
  (accessKeySecret: string, hours: number): RequestListener =>
  ({ url, headers }, response) => {
    const { accessKeyId, securityToken } = temporary;
    const expiration = new Date(Date.now() + hours * 3_600_000).toISOString();
    const [AccessKeyId, AccessKeySecret, SecurityToken] = [accessKeyId, accessKeySecret, securityToken];
    const isUnknown = url === '/v1/exchange' && headers.authorization !== `Bearer ${accessToken}`;
    const uri = { Code: 'Success', AccessKeyId, AccessKeySecret, SecurityToken, Expiration: expiration };
    const exchanged = { accessKeyId, accessKeySecret, securityToken, expiration };
    response.writeHead(isUnknown ? 401 : 200).end(JSON.stringify(url === '/v1/exchange' ? exchanged : uri));
  };

const cliFile = (): string => join(sandbox.home, '.aliyun/config.json');

interface Run {
  readonly env?: RunOptions['env'];
  readonly flags?: readonly string[] | undefined;
}

const fetching = (): string[] => ['exec-credential', '--cluster-id', sandbox.clusterId, '--timeout', '3s'];

/** Runs `exec-credential` with no other identity than the one that the test prepared. */
function run({ env, flags = [] }: Run = {}, args = fetching()): Promise<Outcome> {
  return sandbox.run([...args, ...flags], { env: { ...noAccessKey, ...outside.environment, ...env } });
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

type Fault = 'works' | 'wrong' | 'expired' | 'unreachable' | 'hangs';

/** The secret, or a wrong one. */
const secretFor = (fault: Fault): string | undefined => (fault === 'wrong' ? wrongSecret : undefined);

/** Lets ENS, which alone knows it, say that a token has expired. */
function expireToken(fault: Fault): void {
  if (fault === 'expired') sandbox.ens.failNext('always', apiError('InvalidSecurityToken.Expired'));
}

/** Lets STS fail. */
async function breakSts(fault: Fault, code = 'InvalidSecurityToken.Expired'): Promise<void> {
  if (fault === 'expired') outside.sts.fault = code;
  if (fault === 'hangs') outside.sts.fault = 'hangs';
  if (fault === 'unreachable') await outside.stop();
}

/** Lets the local service answer or fail. @returns its URI */
async function breakService(fault: Fault): Promise<string> {
  outside.answer = give(secretFor(fault) ?? temporary.accessKeySecret, fault === 'expired' ? -1 : 1);
  if (fault === 'hangs') outside.answer = () => undefined;
  if (fault === 'unreachable') await outside.stop();
  return outside.uri;
}

/** A profile of a mode as the current one. */
async function profile(fields: object, ...others: object[]): Promise<Run> {
  await sandbox.writeProfiles([{ name: 'test', ...fields }, ...others]);
  return {};
}

/** A mode that signs with an AccessKey of the profile. */
const withKey =
  (mode: string, identity: () => EnsIdentity, more: object = {}) =>
  (fault: Fault): Promise<Run> => {
    expireToken(fault);
    return profile({ mode, ...keyOf(identity(), secretFor(fault)), ...more });
  };
const permanent = (): EnsIdentity => sandbox.identity;

/** An AccessKey in variables of this spelling. */
const inVariables =
  (prefix: string, identity: () => EnsIdentity) =>
  (fault: Fault): Run => {
    expireToken(fault);
    const variables = Object.entries(variablesOf(identity(), secretFor(fault)));
    return {
      env: Object.fromEntries(variables.map(([name, value]) => [name.replace('ALIBABA_CLOUD_', prefix), value])),
    };
  };

type Outcomes = Partial<Record<Fault, 'refused' | 'unavailable'>>;
/** An AccessKey that is on this machine: ENS alone can refuse it. */
const here: Outcomes = { wrong: 'refused' };
const expiring: Outcomes = { ...here, expired: 'refused' };
/** A source that has to be asked. */
const asked: Outcomes = { ...here, expired: 'unavailable', unreachable: 'unavailable', hangs: 'unavailable' };
const ofSts: Outcomes = { ...asked, expired: 'refused' };

/** Each mode and place, and what becomes of it with each fault. */
const ways: [string, (fault: Fault) => Run | Promise<Run>, Outcomes][] = [
  ['an AccessKey in the environment', inVariables('ALIBABA_CLOUD_', permanent), here],
  ['ALICLOUD_ACCESS_KEY_ID', inVariables('ALICLOUD_', () => temporary), expiring],
  ['a temporary one in the environment', inVariables('ALIBABA_CLOUD_', () => temporary), expiring],
  ['the mode AK', withKey('AK', permanent), here],
  ['the mode StsToken', withKey('StsToken', () => temporary, session), expiring],
  [
    'the mode CloudSSO',
    (fault) => {
      const sts_expiration = fault === 'expired' ? 1 : session.sts_expiration;
      return profile({ mode: 'CloudSSO', ...keyOf(temporary, secretFor(fault)), ...session, sts_expiration });
    },
    { ...here, expired: 'unavailable' },
  ],
  [
    'the mode RamRoleArn',
    async (fault) => {
      await breakSts(fault);
      return profile({ mode: 'RamRoleArn', ...keyOf(sandbox.identity, secretFor(fault)), ...assumed });
    },
    ofSts,
  ],
  [
    'the mode ChainableRamRoleArn',
    async (fault) => {
      await breakSts(fault);
      const base = { name: 'base', mode: 'AK', ...keyOf(sandbox.identity, secretFor(fault)) };
      return profile({ mode: 'ChainableRamRoleArn', source_profile: 'base', ...assumed }, base);
    },
    ofSts,
  ],
  [
    'the mode External',
    async (fault) => {
      const end = { unreachable: 'exit 3', hangs: 'sleep 30' }[fault as string];
      const key = keyOf(sandbox.identity, secretFor(fault));
      const printed = JSON.stringify({ ...key, ...(fault === 'expired' && { sts_expiration: 1 }) });
      return profile(await external(printed, end));
    },
    asked,
  ],
  [
    'the mode External that prints the mode RamRoleArn',
    async (fault) => {
      await breakSts(fault);
      const key = keyOf(sandbox.identity, secretFor(fault));
      return profile(await external(JSON.stringify({ mode: 'RamRoleArn', ...key, ...assumed })));
    },
    ofSts,
  ],
  [
    'the mode CredentialsURI',
    async (fault) => profile({ mode: 'CredentialsURI', credentials_uri: await breakService(fault) }),
    asked,
  ],
  [
    'the mode OAuth',
    async (fault) => {
      await breakService(fault);
      // An access token that has ended is renewed, which this service does not do.
      const oauth_access_token = fault === 'expired' ? undefined : accessToken;
      return profile({ mode: 'OAuth', ...oauthSession, oauth_access_token });
    },
    asked,
  ],
  ['the session that OAuth saved', withKey('OAuth', () => temporary, { ...session, oauth_site_type: 'CN' }), expiring],
  [
    'the mode OIDC',
    async (fault) => {
      await breakSts(fault, 'AuthenticationFail.OIDCToken.Expired');
      const oidc_token_file = await sandbox.writeHome('token', secretFor(fault) ?? oidcToken);
      return profile({ mode: 'OIDC', ...assumed, oidc_provider_arn, oidc_token_file });
    },
    ofSts,
  ],
  [
    'a credentials file',
    async (fault) => {
      const lines = Object.entries(keyOf(sandbox.identity, secretFor(fault))).map(
        ([name, value]) => `${name} = ${value}\r\n`,
      );
      await sandbox.writeHome('.alibabacloud/credentials', `[default]\r\ntype = access_key\r\n${lines.join('')}`);
      return {};
    },
    here,
  ],
  [
    'an OIDC role in the environment',
    async (fault) => {
      await breakSts(fault, 'AuthenticationFail.OIDCToken.Expired');
      return {
        env: {
          ALIBABACLOUD_ROLE_ARN: role,
          ALIBABACLOUD_OIDC_PROVIDER_ARN: oidc_provider_arn,
          ALIBABACLOUD_OIDC_TOKEN_FILE: await sandbox.writeHome('token', secretFor(fault) ?? oidcToken),
        },
      };
    },
    ofSts,
  ],
  [
    'a credentials URI',
    async (fault) => ({ env: { ALIBABA_CLOUD_CREDENTIALS_URI: await breakService(fault) } }),
    asked,
  ],
  [
    '--role-arn',
    async (fault) => {
      await breakSts(fault);
      return { env: variablesOf(sandbox.identity, secretFor(fault)), flags: ['--role-arn', role] };
    },
    ofSts,
  ],
];

/** The fields of a profile whose command prints a text. */
async function external(output: string, end = 'exit 0'): Promise<object> {
  const text = `echo run >> "$HOME/runs"\necho '${output}'\n${end}\n`;
  const script = await sandbox.writeHome('print.sh', text);
  return { mode: 'External', process_command: `/bin/sh '${script}'` };
}

describe.each(ways)('%s', (_, prepare, outcomes) => {
  test('signs, and writes no file of the CLI', async () => {
    const prepared = await prepare('works');
    const before = await readFile(cliFile(), 'utf8').catch(() => undefined);
    expect(await run(prepared)).toMatchObject({ status: 0, stderr: '' });
    expect(sandbox.ens.issued).toHaveLength(1);
    expect(await readFile(cliFile(), 'utf8').catch(() => undefined)).toBe(before);
  });

  test.each(Object.entries(outcomes) as [Fault, string][])('%s: %s', async (fault, outcome) => {
    if (outcome === 'refused') {
      expectFailure(await run(await prepare(fault)), 'ens-unauthenticated|identity-refused');
      return;
    }
    const cached = await run(await prepare('works'));
    const failing = await prepare(fault);
    const again = (env: object): Promise<Outcome> =>
      run(
        { flags: failing.flags, env: { ...failing.env, KUBECTL_ECK_TIMEOUT: '500ms', ...env } },
        fetching().slice(0, 3),
      );
    const start = performance.now();
    const served = await again({ KUBECTL_ECK_MAX_AGE: '1ms' });
    expect(performance.now() - start).toBeLessThan(4000);
    expect(served).toMatchObject({ status: 0, stderr: expect.stringContaining('[identity-unavailable]') });
    expect(keyIn(served)).toBe(keyIn(cached));
    expectFailure(await again({ KUBECACHEDIR: join(sandbox.directory, 'empty') }), 'identity-unavailable');
  });
});

const keyIn = ({ stdout }: Outcome) =>
  (JSON.parse(stdout) as { status: { clientKeyData: string } }).status.clientKeyData;

test('a role is assumed with its external id', async () => {
  const sts_endpoint = 'https://sts.aliyuncs.com/';
  await profile({
    mode: 'RamRoleArn',
    ...keyOf(sandbox.identity),
    ...assumed,
    external_id: 'e',
    sts_endpoint,
  });
  expect(await run()).toMatchObject({ status: 0 });
  expect(outside.sts.calls.map((params) => params.get('ExternalId'))).toEqual(['e']);
});

test.each<[string, () => Promise<Run>, RegExp]>([
  ['a mode that cannot sign', () => profile({ mode: 'RsaKeyPair' }), /mode RsaKeyPair is not supported.*\n.*--profile/],
  [
    'no mode',
    () => profile({ mode: undefined, ...keyOf(sandbox.identity) }),
    /it has no mode .*\nRun "aliyun configure --profile test"/,
  ],
  [
    'a program that may not run',
    async () => ({
      ...(await profile(await external('{}'))),
      env: { ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS: '1' },
    }),
    /ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS is set/,
  ],
  [
    'a metadata service that may not be asked',
    () => profile({ mode: 'EcsRamRole' }),
    /ALIBABA_CLOUD_ECS_METADATA_DISABLED is set/,
  ],
  [
    'a credentials file that begins with a byte order mark',
    async () => {
      await sandbox.writeHome('.alibabacloud/credentials', '\ufeff[default]\ntype = access_key\n');
      return {};
    },
    /begins with a byte order mark .*\nSave the file without one/,
  ],
  [
    'a credentials URI with a line end',
    () => Promise.resolve({ env: { ALIBABA_CLOUD_CREDENTIALS_URI: `${outside.uri}\n` } }),
    /contains white space/,
  ],
])('%s is named', async (_, prepare, message) => {
  expectFailure(await run(await prepare()), 'identity-unusable', message);
});

test('get-credentials and doctor say what was passed over, and status the variable that was used', async () => {
  await profile({ mode: 'StsToken', ...keyOf(temporary), ...session });
  const { env } = inVariables('ALICLOUD_', permanent)('works');
  const { accessKeyId } = sandbox.identity;
  const words = `profile test of the aliyun CLI (passed over: the AccessKey ${accessKeyId} of ALICLOUD_ACCESS_KEY_ID)`;
  const printed = await run({ env }, ['get-credentials', sandbox.clusterId, '--print']);
  expect(printed.stderr).toContain(`as ${words}.\n`);
  const { stdout } = await run({ env }, ['doctor', sandbox.clusterId]);
  expect(stdout).toContain(`identity     ${words}\n`);

  const ignored = { ALIBABA_CLOUD_IGNORE_PROFILE: 'TRUE' };
  const setUp = await run({ env: { ...env, ...ignored } }, ['get-credentials', sandbox.clusterId]);
  expect(setUp.stderr).toContain(`as the AccessKey ${accessKeyId} of ALICLOUD_ACCESS_KEY_ID.\n`);
  // A shell without the variables, where the metadata service is not asked.
  const status = await run({ env: ignored }, ['status']);
  const row = `${sandbox.clusterId} .*access-key:${accessKeyId} of ALICLOUD_ACCESS_KEY_ID .* ok\\s*\n`;
  expect(status.stdout).toMatch(new RegExp(`\\n${row}`));
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
    for (const clusterId of ['eck-2', 'eck-3', 'eck-4']) sandbox.putCluster({ clusterId });
    await profile(await external(JSON.stringify(keyOf(sandbox.identity))));
    expect(await run({}, ['get-credentials', '--all'])).toMatchObject({ status: 0 });
    expect(sandbox.ens.issued).toHaveLength(4);
    expect(await readFile(join(sandbox.home, 'runs'), 'utf8')).toBe('run\n');
  });
});

test('an OAuth session that is unknown is not an identity', async () => {
  await breakService('works');
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

  beforeEach(() => {
    sandbox.ens.putIdentity(second);
  });

  test('never share a client credential when the current profile changes', async () => {
    const asCurrent = async (current: string): Promise<string> => {
      await sandbox.writeProfiles(profiles(), current);
      return keyIn(await run());
    };
    const [one, two] = [await asCurrent('one'), await asCurrent('two')];
    expect(two).not.toBe(one);
    expect([await asCurrent('one'), await asCurrent('two')]).toEqual([one, two]);
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('are pinned by get-credentials', async () => {
    await sandbox.writeProfiles(profiles(), 'two');
    const printed = await run({}, ['get-credentials', sandbox.clusterId, '--print']);
    expect(printed.stdout).toMatch(/args: .*--profile, two/);
    await sandbox.writeProfiles(profiles(), 'one');
    await sandbox.ens.stop();
    expect(await run({ flags: ['--profile', 'two'] })).toMatchObject({ status: 0, stderr: '' });
  });
});
