import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { ApiServer } from '../support/api-server.js';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js';
import { kernelKeyringRequirement, startSessionKeyring } from '../support/kernel-keyring.js';
import { currentKubectl, oldKubectl } from '../support/kubectl.js';
import { issuedConfig, type Issuing } from '../support/issued-kubeconfig.js';
import { noteKey } from '../support/journal.js';
import { describeWith } from '../support/requirements.js';
import { Sandbox } from '../support/sandbox.js';
import { secretServiceRequirement, startSecretService } from '../support/secret-service.js';
import { filesHolding } from '../support/secrets.js';

let sandbox: Sandbox;
let apiServers: ApiServer[];

beforeEach(async () => {
  sandbox = await Sandbox.create();
  apiServers = [];
});

afterEach(async () => {
  await sandbox.dispose();
  for (const server of apiServers) await server.stop();
});

const day = 24 * 60 * 60_000;

/** A client certificate of the sandbox's cluster, as somebody got it before there was kubectl-eck. */
async function oldCertificate({
  authority = sandbox.authority,
  commonName = 'someone',
  notAfter,
}: {
  authority?: CertificateAuthority;
  commonName?: string;
  notAfter?: Date;
} = {}): Promise<IssuedCertificate> {
  const certificate = await authority.issue({
    commonName,
    organizations: ['system:masters'],
    ...(notAfter === undefined ? {} : { notBefore: new Date(notAfter.getTime() - day), notAfter }),
  });
  noteKey(certificate.privateKeyPem);
  return certificate;
}

/** The kubeconfig of the sandbox's cluster as the ENS console hands it out, and the key in it. */
async function consoleKubeconfig(
  issuing: Issuing = {},
  certificate?: IssuedCertificate,
): Promise<{ readonly text: string; readonly key: string }> {
  const { clusterId, authority, apiServer } = sandbox;
  const used = certificate ?? (await oldCertificate());
  const config = issuedConfig({ clusterId, authority, server: apiServer.url }, apiServer.url, used, issuing);
  return { text: config as string, key: used.privateKeyPem };
}

const credentials = (): string => join(sandbox.home, '.kube', 'cache', 'kubectl-eck', 'credentials');

/** The files that hold a key, other than those of the store `file`. */
async function filesWith(...keys: readonly string[]): Promise<string[]> {
  const found = await filesHolding(sandbox.directory, keys);
  return found.filter((file) => dirname(file) !== credentials());
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

const kubectlCases = [
  { requirement: oldKubectl, execApiVersion: 'v1beta1' },
  { requirement: currentKubectl, execApiVersion: 'v1' },
];

/** What the documentation of ENS shows, and what is seen: the user's name, and a current-context that is none. */
const consoleForms: [string, Issuing][] = [
  ['user', {}],
  ['kubernetes-admin', { userName: 'kubernetes-admin' }],
  ['"204712345"', { userName: '204712345' }],
  ['user and a current-context that there is not', { currentContext: 'eck-0123abc' }],
];

for (const { requirement, execApiVersion } of kubectlCases) {
  const { kubectl } = requirement;
  describeWith([requirement], `${requirement.name} after convert`, () => {
    test.each(consoleForms)(
      'works as before with a kubeconfig of the ENS console, of %s',
      async (_, issuing) => {
        const { text, key } = await consoleKubeconfig(issuing);
        await sandbox.writeHome('.kube/config', text);
        const args = ['--context', sandbox.clusterId, 'get', 'nodes'];
        const before = await sandbox.kubectl(kubectl, args);
        expect(before).toMatchObject({ status: 0 });

        const converted = await sandbox.run(['convert', '--exec-api-version', execApiVersion]);
        expect(converted).toMatchObject({ status: 0, stdout: '' });
        expect(await sandbox.kubectl(kubectl, args)).toEqual(before);
        expect(await filesWith(key)).toEqual([]);
        // What is served is what lay there.
        const served = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId]);
        expect(JSON.parse(served.stdout)).toMatchObject({ status: { clientKeyData: key } });
      },
    );

    test('works as before with five users of ECK clusters and five others', async () => {
      const { text, contexts, eckKeys } = await mixedKubeconfig(execApiVersion);
      const file = await sandbox.writeHome('.kube/config', text);
      const outcomes = async (): Promise<[string, number | null, string][]> => {
        const found: [string, number | null, string][] = [];
        for (const context of contexts) {
          const { status, stdout } = await sandbox.kubectl(kubectl, ['--context', context, 'get', 'nodes']);
          found.push([context, status, stdout]);
        }
        return found;
      };
      const before = await outcomes();
      expect(before.filter(([, status]) => status === 0).length).toBeGreaterThanOrEqual(7);

      expect(await sandbox.run(['convert', '--exec-api-version', execApiVersion])).toMatchObject({
        status: 0,
        stdout: '',
      });
      expect(await outcomes()).toEqual(before);
      expect(await filesWith(...eckKeys)).toEqual([]);
      // The clusters were asked with the certificate that lay there, and what others wrote is the same text.
      const after = await readFile(file, 'utf8');
      const others = text.slice(text.indexOf('# others'), text.indexOf('# the end'));
      expect(after).toContain(others);
      expect(after.slice(0, after.indexOf('users:'))).toBe(text.slice(0, text.indexOf('users:')));
      expect(after.match(/command: kubectl-eck/g)).toHaveLength(5);
    });
  });
}

/** A kubeconfig with five ECK clusters, each with an API server of its own, and five users of other kinds. */
async function mixedKubeconfig(
  execApiVersion: string,
): Promise<{ text: string; contexts: string[]; eckKeys: string[] }> {
  const clusters: string[] = [];
  const users: string[] = [];
  const contexts: string[] = [];
  const eckKeys: string[] = [];
  const startCluster = async (clusterId: string): Promise<IssuedCertificate> => {
    const authority = await CertificateAuthority.create({ name: `${clusterId} CA` });
    const server = await ApiServer.start({ authority, clusterId });
    apiServers.push(server);
    clusters.push(
      `- name: ${clusterId}`,
      `  cluster: {server: "${server.url}", certificate-authority-data: ${base64(authority.certificatePem)}}`,
    );
    if (clusterId.startsWith('eck-')) {
      sandbox.ens.putCluster({ clusterId, authority, server: server.url });
    }
    return oldCertificate({ authority });
  };
  const addContext = (name: string, cluster: string, user: string): void => {
    contexts.push(`- {name: ${name}, context: {cluster: ${cluster}, user: ${user}}}`);
  };
  const embedded = (name: string, { certificatePem, privateKeyPem }: IssuedCertificate): string[] => [
    `- name: ${name} # ${name}`,
    '  user:',
    `    client-certificate-data: ${base64(certificatePem)}`,
    `    client-key-data: ${base64(privateKeyPem)}`,
  ];
  for (const number of [1, 2, 3, 4, 5]) {
    const certificate = await startCluster(`eck-${number}`);
    eckKeys.push(certificate.privateKeyPem);
    users.push(...embedded(`person-${number}`, certificate));
    addContext(number === 1 ? 'edge' : `eck-${number}-admin`, `eck-${number}`, `person-${number}`);
  }
  const certificate = await startCluster('minikube');
  const program = join(sandbox.home, 'other-plugin');
  const status = {
    clientCertificateData: certificate.certificatePem,
    clientKeyData: certificate.privateKeyPem,
  };
  const answer = {
    apiVersion: `client.authentication.k8s.io/${execApiVersion}`,
    kind: 'ExecCredential',
    status,
  };
  await writeFile(program, `#!/bin/sh\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`);
  await chmod(program, 0o700);
  users.push(
    '# others',
    ...embedded('kept', certificate),
    '- name: token',
    "  user: {token: 'a.b.c'} # mine",
    '- name: basic',
    '  user:',
    '    username: u',
    '    password: p',
    '- name: exec',
    '  user:',
    `    exec: {apiVersion: client.authentication.k8s.io/${execApiVersion}, command: "${program}", interactiveMode: Never}`,
    '- name: provider',
    '  user: {auth-provider: {name: oidc, config: {id-token: x, idp-issuer-url: "https://127.0.0.1:1"}}}',
    '# the end',
  );
  for (const name of ['kept', 'token', 'basic', 'exec', 'provider']) addContext(name, 'minikube', name);
  const text = ['# all of mine', 'apiVersion: v1', 'kind: Config', 'clusters:', ...clusters, 'contexts:']
    .concat(contexts, 'current-context: edge', 'users:', users, '')
    .join('\n');
  const names = (parse(text) as { contexts: { name: string }[] }).contexts.map(({ name }) => name);
  return { text, contexts: names, eckKeys };
}

describe('convert', () => {
  test('writes nothing the second time, and says so', async () => {
    const { text } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    await sandbox.run(['convert']);
    const { mtimeMs, ino } = await stat(file);
    const again = await sandbox.run(['convert']);
    expect(again).toMatchObject({ status: 0, stdout: '' });
    expect(again.stderr).toMatch(/^Nothing to convert: .*eck-0123abcd uses kubectl-eck already/);
    expect(await stat(file)).toMatchObject({ mtimeMs, ino });
    const named = await sandbox.run(['convert', sandbox.clusterId]);
    expect(named).toMatchObject({ status: 0 });
    expect(named.stderr).toContain('uses kubectl-eck already');
  });

  test('keeps what lies there also where ENS cannot be reached, if the person says which cluster it is', async () => {
    const { text, key } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    await sandbox.ens.stop();
    const guessed = await sandbox.run(['convert']);
    expect(guessed).toMatchObject({ status: 1 });
    expect(guessed.stderr).toMatch(/--cluster-id eck-0123abcd.* \[ens-unavailable\]\n$/);
    expect(await readFile(file, 'utf8')).toBe(text);

    const said = await sandbox.run(['convert', sandbox.clusterId, '--cluster-id', sandbox.clusterId]);
    expect(said).toMatchObject({ status: 0 });
    expect(said.stderr).toContain('could not be asked');
    expect(await filesWith(key)).toEqual([]);
    const served = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId]);
    expect(JSON.parse(served.stdout)).toMatchObject({ status: { clientKeyData: key } });
  });

  test('leaves a cluster alone that ENS does not know, and converts the others', async () => {
    const { text, key } = await consoleKubeconfig();
    const other = text.replaceAll('eck-0123abcd', 'eck-elastic').replaceAll('kubernetes', 'elastic');
    const otherUser = other.replaceAll('user: user', 'user: someone').replace('name: user', 'name: someone');
    const config = await sandbox.writeHome('.kube/config', text);
    const file = await sandbox.writeHome('other.yaml', otherUser);
    const run = await sandbox.run(['convert'], { env: { KUBECONFIG: `${config}:${file}` } });
    expect(run).toMatchObject({ status: 1 });
    expect(run.stderr).toMatch(/eck-elastic stays as it was: .*\[ens-cluster-not-found\]\n/);
    expect(run.stderr).toMatch(/1 of 2 client keys .*\[conversion-incomplete\]\n$/);
    expect(await readFile(file, 'utf8')).toBe(otherUser);
    expect(await filesWith(key)).toEqual([file]);
  });

  test('leaves a key alone whose renewal ENS refuses, whoever said which cluster it is', async () => {
    const { text } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    const unknown = await sandbox.run(['convert', '--context', sandbox.clusterId, '--cluster-id', 'eck-9']);
    expect(unknown).toMatchObject({ status: 1 });
    expect(unknown.stderr).toMatch(/could not be renewed.*\[ens-cluster-not-found\]\n$/);
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [] });
    const refused = await sandbox.run(['convert']);
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toMatch(/could not be renewed.*\[ens-not-allowed\]\n$/);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test("does not put somebody else's certificate in the place of a kept one, unless the context is named", async () => {
    await sandbox.run(['get-credentials', sandbox.clusterId]);
    const admin = await oldCertificate({ commonName: 'admin' });
    const { text } = await consoleKubeconfig({}, admin);
    const file = await sandbox.writeHome('.kube/other', text);
    const refused = await sandbox.run(['convert', '--kubeconfig', file]);
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toMatch(/CN=admin.*CN=someone.*\[context-not-convertible\]\n$/);
    expect(await readFile(file, 'utf8')).toBe(text);
    const named = await sandbox.run(['convert', '--kubeconfig', file, sandbox.clusterId]);
    expect(named).toMatchObject({ status: 0 });
    expect(named.stderr).toMatch(/When it is renewed, .*CN=someone/);
    expect(await filesWith(admin.privateKeyPem)).toEqual([]);
  });

  test('keeps one of two certificates of different people for one cluster, and leaves the other', async () => {
    const { text } = await consoleKubeconfig();
    const admin = await oldCertificate({ commonName: 'admin' });
    const both = text
      .replace(
        /^contexts:$/m,
        'contexts:\n  - {name: eck-0123abcd-admin, context: {cluster: kubernetes, user: admin}}',
      )
      .replace(
        /^users:([^]*)^contexts:/m,
        `users:$1  - {name: admin, user: {client-certificate-data: ${base64(admin.certificatePem)}, client-key-data: ${base64(admin.privateKeyPem)}}}\ncontexts:`,
      );
    const file = await sandbox.writeHome('.kube/config', both);
    const run = await sandbox.run(['convert']);
    expect(run).toMatchObject({ status: 1 });
    expect(run.stderr).toMatch(/eck-0123abcd-admin stays as it was/);
    expect(await filesWith(admin.privateKeyPem)).toEqual([file]);
    expect(await readFile(file, 'utf8')).toContain('command: kubectl-eck');
  });

  test('refuses where no identity could renew the credential', async () => {
    const { text } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    const env = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
    for (const args of [['convert'], ['convert', '--dry-run']]) {
      const run = await sandbox.run(args, { env });
      expect(run).toMatchObject({ status: 1, stdout: '' });
      expect(run.stderr).toMatch(/^kubectl-eck: Nothing was converted.*\[identity-not-found\]\n$/);
    }
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test.each([
    ['none', 2, 'usage'],
    ['keychain', 1, 'keychain-absent'],
  ])(
    'takes no key out of the kubeconfig where the store is %s and keeps nothing',
    async (store, status, code) => {
      const { text } = await consoleKubeconfig();
      const file = await sandbox.writeHome('.kube/config', text);
      const run = await sandbox.run(['convert', '--store', store]);
      expect(run).toMatchObject({ status, stdout: '' });
      expect(run.stderr).toMatch(new RegExp(`\\[${code}\\]\\n$`));
      expect(await readFile(file, 'utf8')).toBe(text);
    },
  );

  test('fetches a new certificate in the place of an expired one', async () => {
    const expired = await oldCertificate({ notAfter: new Date(Date.now() - day) });
    const { text } = await consoleKubeconfig({}, expired);
    await sandbox.writeHome('.kube/config', text);
    const run = await sandbox.run(['convert']);
    expect(run).toMatchObject({ status: 0 });
    expect(run.stderr).toContain('expired');
    expect(await filesWith(expired.privateKeyPem)).toEqual([]);
    const served = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId]);
    expect(JSON.parse(served.stdout)).toMatchObject({
      status: { clientKeyData: sandbox.ens.issued[0]?.privateKeyPem },
    });
  });

  test('leaves an expired certificate where none can be fetched', async () => {
    const expired = await oldCertificate({ notAfter: new Date(Date.now() - day) });
    const { text } = await consoleKubeconfig({}, expired);
    const file = await sandbox.writeHome('.kube/config', text);
    await sandbox.ens.stop();
    const run = await sandbox.run(['convert', '--timeout', '1s']);
    expect(run).toMatchObject({ status: 1 });
    expect(run.stderr).toMatch(/expired.*no new credential could be fetched.*\[ens-unavailable\]\n$/);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test('keeps the old file only where it is asked to, and never overwrites one', async () => {
    const { text, key } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    const first = `${file}.before-kubectl-eck`;
    await sandbox.writeHome('.kube/config.before-kubectl-eck', 'an older one');
    const run = await sandbox.run(['convert', '--backup']);
    expect(run).toMatchObject({ status: 0 });
    expect(run.stderr).toContain(`${first}-2`);
    expect(await readFile(first, 'utf8')).toBe('an older one');
    expect(await readFile(`${first}-2`, 'utf8')).toBe(text);
    expect((await stat(`${first}-2`)).mode & 0o777).toBe(0o600);
    expect(await filesWith(key)).toEqual([`${first}-2`]);
    await writeFile(`${first}-2`, '');
  });

  test('shows with --dry-run what would change, without a secret, and does nothing', async () => {
    const { text, eckKeys } = await mixedKubeconfig('v1');
    const file = await sandbox.writeHome('.kube/config', text);
    const run = await sandbox.run(['convert', '--dry-run']);
    expect(run).toMatchObject({ status: 0 });
    expect(run.stdout).toContain(`--- ${file}`);
    expect(run.stdout).toMatch(/^- +client-key-data: DATA\+OMITTED$/m);
    expect(run.stdout).toMatch(/^\+ +command: kubectl-eck$/m);
    expect(run.stdout).not.toContain('\u001b');
    for (const key of eckKeys) expect(run.stdout).not.toContain(base64(key).slice(20, 60));
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await readdir(credentials()).catch(() => [])).toEqual([]);
  });

  test('takes a user apart that contexts of several clusters share, and leaves it to those of no ECK cluster', async () => {
    const { text, key } = await consoleKubeconfig();
    sandbox.ens.putCluster({
      clusterId: 'eck-2',
      authority: sandbox.authority,
      server: sandbox.apiServer.url,
    });
    const shared = text
      .replace(/^contexts:$/m, 'contexts:\n  - {name: eck-2, context: {cluster: two, user: user}} # second')
      .replace(/^clusters:$/m, `clusters:\n  - {name: two, cluster: {server: "${sandbox.apiServer.url}"}}`);
    const file = await sandbox.writeHome('.kube/config', shared);
    expect(await sandbox.run(['convert'])).toMatchObject({ status: 0 });
    expect(await filesWith(key)).toEqual([]);
    const usersOf = async (): Promise<Record<string, string[] | undefined>> => {
      const { contexts, users } = parse(await readFile(file, 'utf8')) as {
        contexts: { name: string; context: { user: string } }[];
        users: { name: string; user: { exec?: { args: string[] } } }[];
      };
      return Object.fromEntries(
        contexts.map(({ name, context }) => [
          name,
          users.find((user) => user.name === context.user)?.user.exec?.args.slice(0, 3),
        ]),
      );
    };
    const eck2 = ['exec-credential', '--cluster-id', 'eck-2'];
    const eck1 = ['exec-credential', '--cluster-id', sandbox.clusterId];
    expect(await usersOf()).toEqual({ 'eck-2': eck2, [sandbox.clusterId]: eck1 });
    expect(await readFile(file, 'utf8')).toMatch(/# second$/m);

    const named = shared.replaceAll('eck-2', 'minikube');
    await writeFile(file, named);
    const partly = await sandbox.run(['convert']);
    expect(partly).toMatchObject({ status: 0 });
    expect(partly.stderr).toMatch(/still holds the key: user "user" stays for minikube/);
    expect(await usersOf()).toEqual({ minikube: undefined, [sandbox.clusterId]: eck1 });
    expect(await filesWith(key)).toEqual([file]);
  });

  test('changes no file where one of them cannot be changed without harm, and keeps nothing', async () => {
    const { text, key } = await consoleKubeconfig();
    const aliased = text
      .replace(/^( +)user:$/m, '$1user: &me')
      .replace(/^users:$/m, 'users:\n  - {name: other, user: *me}')
      .replace(/(^users:\n)( {2}- \{name: other.*\n)([^]*?)(^contexts:)/m, '$1$3$2$4');
    expect(aliased).toContain('*me');
    const file = await sandbox.writeHome('.kube/config', aliased);
    const run = await sandbox.run(['convert']);
    expect(run).toMatchObject({ status: 1 });
    expect(run.stderr).toMatch(/aliases.*\[kubeconfig-unusable\]\n$/);
    expect(await readFile(file, 'utf8')).toBe(aliased);
    expect(await filesHolding(sandbox.directory, [key])).toEqual([file]);
  });

  test('takes the key from a file that the user names, and tells that it still lies there', async () => {
    const { text, key } = await consoleKubeconfig();
    const { users } = parse(text) as { users: { user: Record<string, string> }[] };
    const written = users[0]?.user ?? {};
    const keyFile = await sandbox.writeHome('.kube/pki/my.key', key);
    await sandbox.writeHome('.kube/config', text.replace(/client-key-data: .*/, 'client-key: pki/my.key'));
    expect(written['client-key-data']).toBe(base64(key));
    const run = await sandbox.run(['convert']);
    expect(run).toMatchObject({ status: 0 });
    expect(run.stderr).toContain(`rm '${keyFile}'`);
    const served = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId]);
    expect(JSON.parse(served.stdout)).toMatchObject({ status: { clientKeyData: key } });
  });

  test('tells where the key stands in the kubeconfig a second time', async () => {
    const { text, key } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', `${text}# before: ${base64(key)}\n`);
    const run = await sandbox.run(['convert']);
    expect(run).toMatchObject({ status: 0 });
    expect(run.stderr).toContain('The same key stands elsewhere');
    expect(await filesWith(key)).toEqual([file]);
  });

  test.each([
    [
      'is encrypted',
      (text: string) =>
        text.replace(
          /client-key-data: .*/,
          `client-key-data: ${base64('-----BEGIN ENCRYPTED PRIVATE KEY-----')}`,
        ),
    ],
    ['is not base64', (text: string) => text.replace(/client-key-data: .*/, 'client-key-data: "?"')],
    [
      'is in a file that there is not',
      (text: string) => text.replace(/client-key-data: .*/, 'client-key: none'),
    ],
    ['is in a directory', (text: string) => text.replace(/client-key-data: .*/, 'client-key: .')],
    ['has no certificate', (text: string) => text.replace(/client-certificate-data: .*/, 'as: me')],
  ])('fetches a credential where the key %s, or leaves it', async (_, edit) => {
    const { text } = await consoleKubeconfig();
    const edited = edit(text);
    const file = await sandbox.writeHome('.kube/config', edited);
    sandbox.ens.failNext(1, { kind: 'error', code: 'Forbidden.RAM', status: 403, message: 'no' });
    expect(await sandbox.run(['convert'])).toMatchObject({ status: 1 });
    expect(await readFile(file, 'utf8')).toBe(edited);
    expect(await sandbox.run(['convert'])).toMatchObject({ status: 0 });
    expect(await readFile(file, 'utf8')).toContain('command: kubectl-eck');
    const served = await sandbox.run(['exec-credential', '--cluster-id', sandbox.clusterId]);
    expect(served).toMatchObject({ status: 0 });
    expect(sandbox.ens.calls()).toBe(2);
  });

  test('leaves a user that signs in with a token besides', async () => {
    const { text } = await consoleKubeconfig();
    const both = text.replace(/^( +)client-key-data: /m, '$1token: t\n$&');
    const file = await sandbox.writeHome('.kube/config', both);
    const run = await sandbox.run(['convert']);
    expect(run).toMatchObject({ status: 1 });
    expect(run.stderr).toMatch(/a token besides the client key.*\[context-not-convertible\]\n$/);
    expect(await readFile(file, 'utf8')).toBe(both);
  });

  test('pins the profile that signs in, so that it is found under the name that kubectl asks by', async () => {
    const { text, key } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    const { accessKeyId, accessKeySecret } = sandbox.identity;
    await sandbox.writeHome(
      '.aliyun/config.json',
      JSON.stringify({
        current: 'work',
        profiles: [
          { name: 'work', mode: 'AK', access_key_id: accessKeyId, access_key_secret: accessKeySecret },
        ],
      }),
    );
    const env = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };
    expect(await sandbox.run(['convert'], { env })).toMatchObject({ status: 0 });
    expect(await readFile(file, 'utf8')).toContain('--profile, work');
    const args = ['exec-credential', '--cluster-id', sandbox.clusterId, '--profile', 'work'];
    const served = await sandbox.run(args, { env });
    expect(JSON.parse(served.stdout)).toMatchObject({ status: { clientKeyData: key } });
  });

  test.each([
    [['--cluster-id', 'eck-1'], 2, 'usage'],
    [['a', 'b', '--cluster-id', 'eck-1'], 2, 'usage'],
    [['--context', 'nobody'], 1, 'context-not-found'],
    [['--exec-api-version', 'v2'], 2, 'usage'],
  ])('refuses %j', async (args, status, code) => {
    const { text } = await consoleKubeconfig();
    const file = await sandbox.writeHome('.kube/config', text);
    const run = await sandbox.run(['convert', ...args]);
    expect(run).toMatchObject({ status, stdout: '' });
    expect(run.stderr).toMatch(new RegExp(`\\[${code}\\]\\n$`));
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test('says that there is nothing to convert where there is no kubeconfig', async () => {
    const run = await sandbox.run(['convert']);
    expect(run).toMatchObject({ status: 0, stdout: '' });
    expect(run.stderr).toMatch(/^Nothing to convert/);
    expect(await readdir(join(sandbox.home, '.kube')).catch(() => [])).toEqual([]);
  });
});

describeWith([secretServiceRequirement, currentKubectl], 'convert with a Secret Service', () => {
  test('leaves the key in no file at all, and kubectl works', async () => {
    const secretService = await startSecretService();
    try {
      const env = { ...secretService.environment, KUBECTL_ECK_STORE: undefined };
      const { text, key } = await consoleKubeconfig();
      await sandbox.writeHome('.kube/config', text);
      const run = await sandbox.run(['convert'], { env });
      expect(run).toMatchObject({ status: 0 });
      expect(run.stderr).toContain('is kept in the keychain');
      expect(await filesHolding(sandbox.directory, [key])).toEqual([]);
      await sandbox.ens.stop();
      expect(await sandbox.kubectl(currentKubectl.kubectl, ['get', 'nodes'], { env })).toMatchObject({
        status: 0,
        stderr: '',
      });
    } finally {
      await secretService.stop();
    }
  });
});

describeWith([kernelKeyringRequirement], 'convert with a kernel keyring', () => {
  test('leaves the key in no file at all', async () => {
    const keyring = await startSessionKeyring();
    try {
      const env = sandbox.environment({ KUBECTL_ECK_STORE: 'kernel' });
      const { text, key } = await consoleKubeconfig();
      await sandbox.writeHome('.kube/config', text);
      const run = await keyring.run(['kubectl-eck', 'convert'], env);
      expect(run).toMatchObject({ status: 0 });
      expect(run.stderr).toContain('kernel keyring');
      expect(await filesHolding(sandbox.directory, [key])).toEqual([]);
    } finally {
      await keyring.stop();
    }
  });
});
