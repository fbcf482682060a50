import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentKubectl } from '../support/kubectl.js';
import { onPath } from '../support/on-path.js';
import { describeWith } from '../support/requirements.js';
import { programs, Sandbox } from '../support/sandbox.js';
import { TlsFront } from '../support/tls-front.js';

type Variables = Readonly<Record<string, string>>;

/** An `exec` entry of a user, and the error of kubectl; without one, the plugin answers. */
type Entry = readonly [error: RegExp | undefined, args: readonly string[], env?: Variables];

const serve = ['exec-credential', '--cluster-id', 'eck-0123abcd'];
const code = `require('fs').writeFileSync('$BAIT/marker', '')`;
const usage = /\[usage\]/;
const refused = /cannot be run by kubectl as a credential plugin/;
const untrusted = /\[network-untrusted\]/;

/** Arguments with which Bun runs something else, where it obeys BUN_BE_BUN. */
const runtimeArguments = [
  ...[['-e', code], ['-p', '1'], ['--print', '1'], ['run', '$BAIT/code.js'], ['$BAIT/code.js']],
  ...[
    ['exec', 'touch $BAIT/marker'],
    ['--cpu-prof', ...serve],
    ['--smol', ...serve],
    ['--', ...serve],
  ],
  ...['--preload=$BAIT/code.js', '--config=$BAIT/.bunfig.toml', '--inspect=6499', '--cwd=$BAIT'].flatMap((option) => [
    [option, ...serve],
    serve.concat(option),
  ]),
];

/** Variables of Bun, JavaScriptCore, Node.js and libraries, and what the build leaves of one. */
const runtimeVariables: Variables = {
  BUN_BE_BUN: '1',
  UN_BE_BUN: '1',
  BUN_OPTIONS: '--preload=$BAIT/code.js --inspect=127.0.0.1:6499 --cpu-prof --cpu-prof-dir=$BAIT',
  BUN_INSPECT: '127.0.0.1:6499',
  BUN_INSPECT_PRELOAD: '$BAIT/code.js',
  BUN_JSC_functionOverrides: '$BAIT/code.js',
  BUN_BYTECODE_ORDER_OUT: '$BAIT/new',
  BUN_CONFIG_VERBOSE_FETCH: 'curl',
  XDG_CONFIG_HOME: '$BAIT',
  TMPDIR: '$BAIT',
  NODE_OPTIONS: '--require=$BAIT/code.js',
  SSLKEYLOGFILE: '$BAIT/new',
  DEBUG: '*',
};

const buses = [
  'unixexec:path=/usr/bin/touch,argv1=$BAIT/marker',
  'tcp:host=127.0.0.1,port=6499',
  'nonce-tcp:host=127.0.0.1,port=6499,noncefile=$BAIT/code.js',
  'launchd:env=PATH',
  'autolaunch:',
  'unix:abstract=$BAIT/socket',
  'unix:tmpdir=$BAIT',
  'unix:path=/nonexistent/bus;unixexec:path=/usr/bin/touch,argv1=$BAIT/marker',
  'tcp:host=192.0.2.1,port=6499;unix:path=/nonexistent/bus',
];

const commands = [
  ...[['logout', '--all'], ['logout', '--all', '--remove-contexts'], ['convert'], ['refresh', '--all']],
  ...[['doctor'], ['list'], ['status'], ['completion', 'bash'], ['version']],
];

const noAccessKey = { ALIBABA_CLOUD_ACCESS_KEY_ID: '', ALIBABA_CLOUD_ACCESS_KEY_SECRET: '' };
const withoutTls = { NODE_TLS_REJECT_UNAUTHORIZED: '0', KUBECTL_ECK_TIMEOUT: '2s' };

const entries: readonly Entry[] = [
  ...runtimeArguments.map((args): Entry => [usage, args, { BUN_BE_BUN: '1' }]),
  ...Object.entries(runtimeVariables).map(([name, value]): Entry => [undefined, serve, { [name]: value }]),
  ...buses.map((DBUS_SESSION_BUS_ADDRESS): Entry => [
    /\[keychain-(?:refused|absent)\]/,
    serve,
    { KUBECTL_ECK_STORE: 'keychain', DBUS_SESSION_BUS_ADDRESS },
  ]),
  ...commands.map((args): Entry => [refused, args]),
  [usage, ['get-credentials', 'eck-0123abcd', '--kubeconfig', '$BAIT/new']],
  [usage, ['get-credentials', '--all', '--overwrite']],
  [refused, ['__complete', 'logout', '']],
  [untrusted, serve, { ...withoutTls, KUBECTL_ECK_ENDPOINT: '', HTTPS_PROXY: 'https://$TLS' }],
  [untrusted, serve, { ...withoutTls, KUBECTL_ECK_ENDPOINT: '$TLS' }],
  [usage, serve, { KUBECTL_ECK_ENDPOINT: 'http://192.0.2.1' }],
  [undefined, serve, { KUBECTL_ECK_STORE: 'file' }],
  [undefined, serve, { KUBECTL_ECK_ALL: 'true', KUBECTL_ECK_KUBECONFIG: '$BAIT/new' }],
  [undefined, serve, { KUBECACHEDIR: '$DIR/elsewhere/.kube/cache' }],
  [undefined, serve, { HOME: '$DIR/elsewhere' }],
  [/\[identity-unavailable\]/, serve, { ...noAccessKey, ALIBABA_CLOUD_CREDENTIALS_URI: '$ENS' }],
  [/\[identity-\w+\]/, serve, { ...noAccessKey, ALIBABA_CLOUD_CREDENTIALS_FILE: '/dev/null' }],
];

/** The calls by which a process starts a program, changes files or reaches another process. */
const calls =
  'execve,execveat,connect,bind,listen,sendto,sendmsg,openat,truncate,mkdirat,renameat,renameat2,unlinkat,linkat,' +
  'symlinkat,fchmodat,?open,?creat,?mkdir,?rename,?unlink,?link,?symlink,?chmod';
const strace = { name: 'strace', available: onPath('strace') };

describeWith([currentKubectl, strace], 'a kubectl that may run kubectl-eck alone', () => {
  let sandbox: Sandbox;
  let front: TlsFront;
  let places: Variables;

  beforeAll(async () => {
    sandbox = await Sandbox.create();
    const { directory, authority, ens } = sandbox;
    const name = { commonName: 'localhost', subjectAltNames: ['127.0.0.1'] };
    front = await TlsFront.start(await authority.issue({ ...name, usage: 'server' }), ens.endpoint);
    // Without a space, at which BUN_OPTIONS would be cut.
    const bait = await mkdtemp(join(tmpdir(), 'bait-'));
    places = { $BAIT: bait, $DIR: directory, $TLS: front.host, $ENS: ens.endpoint };
    const kuberc = {
      ...{ apiVersion: 'kubectl.config.k8s.io/v1beta1', kind: 'Preference' },
      ...{ credentialPluginPolicy: 'Allowlist', credentialPluginAllowlist: [{ command: 'kubectl-eck' }] },
    };
    for (const name of ['bin', 'traces']) await mkdir(join(directory, name));
    await writeFile(inPlace('$BAIT/code.js'), inPlace(code));
    await writeFile(inPlace('$BAIT/.bunfig.toml'), inPlace('preload = ["$BAIT/code.js"]'));
    await writeFile(
      inPlace('$DIR/bin/kubectl-eck'),
      `#!/bin/sh\nexec strace -f -o "$TRACE.$$" -e trace=${calls} '${programs.standalone}' "$@"\n`,
      { mode: 0o755 },
    );
    await writeFile(inPlace('$DIR/kuberc'), JSON.stringify(kuberc));
  });
  afterAll(async () => {
    await front.stop();
    await sandbox.dispose();
    await rm(inPlace('$BAIT'), { recursive: true });
  });

  function inPlace(text: string): string {
    return Object.entries(places).reduce((filled, [name, place]) => filled.replaceAll(name, place), text);
  }

  /** Whether a traced call starts a program, touches the bait, or changes or reaches what is not kubectl-eck's own. */
  function isSurprising(call: string): boolean {
    if (call.includes(inPlace('$BAIT')) || /^\d+ +(?:exec|listen)/.test(call)) return true;
    const port = /sin_port=htons\((\d+)\), sin_addr=inet_addr\("127\.0\.0\.1"\)/.exec(call)?.[1];
    const ownPorts = [new URL(sandbox.ens.endpoint).port, String(front.port)];
    if (call.includes('sa_family=')) return port === undefined || !ownPorts.includes(port);
    const ownFile = /^\/(?:home|elsewhere)(?:\/\.kube(?:\/cache(?:\/kubectl-eck(?:\/.*)?)?)?)?$/;
    const paths = [...call.matchAll(/"(\/[^"]*)"/g)].map(([, path = '']) => path);
    const isChange = !/^\d+ +open/.test(call) || /O_(?:WRONLY|RDWR|CREAT)/.test(call);
    return isChange && paths.some((path) => !ownFile.test(path.replace(sandbox.directory, '')));
  }

  /** Runs kubectl with an entry. `surprises` are the plugin's calls that are surprising. */
  async function run(name: string, args: readonly string[], env: Variables) {
    const variables = Object.entries(env).map(([name, value]) => ({ name, value: inPlace(value) }));
    const exec = {
      ...{ apiVersion: 'client.authentication.k8s.io/v1', command: 'kubectl-eck', interactiveMode: 'Never' },
      ...{ args: args.map(inPlace), env: variables },
    };
    const cluster = { server: sandbox.apiServer.url, 'insecure-skip-tls-verify': true };
    const kubeconfig = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'a' },
      clusters: [{ name: 'a', cluster }],
      users: [{ name: 'a', user: { exec } }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    };
    const file = inPlace(`$DIR/${name}.json`);
    await writeFile(file, JSON.stringify(kubeconfig));
    const get = ['get', '--raw', '/api/v1/nodes', '--kubeconfig', file, '--kuberc', inPlace('$DIR/kuberc')];
    const PATH = inPlace('$DIR/bin:/usr/bin:/bin');
    const { stderr, stdout } = await sandbox.kubectl(currentKubectl.kubectl, get, {
      env: { PATH, TRACE: inPlace(`$DIR/traces/${name}`), KUBECTL_ECK_STORE: 'none' },
    });
    const surprises: string[] = [];
    const traces = (await readdir(inPlace('$DIR/traces'))).filter((trace) => trace.startsWith(`${name}.`));
    expect(traces).not.toEqual([]);
    for (const trace of traces) {
      const [start, ...lines] = (await readFile(inPlace(`$DIR/traces/${trace}`), 'utf8')).split('\n');
      expect(start).toContain(`execve("${programs.standalone}"`);
      surprises.push(...lines.filter((line) => /^\d+ +\w+\(/.test(line) && isSurprising(line)));
    }
    return { stderr, stdout, surprises };
  }

  test('runs nothing else, changes no file and connects to nothing for any entry', async () => {
    const waiting = [...entries.entries()];
    const wrong: unknown[] = [];
    const runWaiting = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, [error, args, env = {}]] = next;
        const { stdout, stderr, surprises } = await run(String(index), args, env);
        const isAsExpected = error === undefined ? stdout.includes('NodeList') && stderr === '' : error.test(stderr);
        if (surprises.length > 0 || !isAsExpected) wrong.push({ args, env, surprises, stdout, stderr });
      }
    };
    await Promise.all([runWaiting(), runWaiting(), runWaiting()]);
    expect(wrong).toEqual([]);
    expect(await readdir(inPlace('$BAIT'))).toEqual(['.bunfig.toml', 'code.js']);
    expect(entries.length).toBeGreaterThanOrEqual(50);
  });

  test('runs the command of a profile in a home directory that an entry names', async () => {
    const profile = { name: 'default', mode: 'External', process_command: '/usr/bin/true' };
    const config = { current: 'default', profiles: [profile] };
    await sandbox.writeHome('other/.aliyun/config.json', JSON.stringify(config));
    const { surprises } = await run('external', serve, { ...noAccessKey, HOME: '$DIR/home/other' });
    expect(surprises.join('\n')).toMatch(/execve\("\/usr\/bin\/true"/);
  });
});
