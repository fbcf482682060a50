// Shows the whole story on this machine alone: an ENS API and an API server on loopback, get-credentials, a request
// as kubectl would make it, and a second one from the keychain. Nothing of it is left behind.
import { existsSync, readFileSync } from 'node:fs';
import { cacheKeyText } from '../src/credential/cache-key.js';
import { openStore } from '../src/store/open-store.js';
import { parseEndpoint } from '../src/endpoint.js';
import { kubectls, type Outcome } from '../test/support/kubectl.js';
import { programs, repository, runProgram, Sandbox } from '../test/support/sandbox.js';

const [kubectl] = kubectls;
/** What finds a keychain: the demo has a home directory of its own, and uses the keychain of whoever runs it. */
const keychainVariables = ['DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'DISPLAY', 'WAYLAND_DISPLAY'];

async function demo(sandbox: Sandbox): Promise<void> {
  const store = await storeHere(sandbox);
  const env = {
    ...Object.fromEntries(keychainVariables.map((name) => [name, process.env[name]])),
    // The ENS double is given by flag below, so that the context is seen to carry it.
    KUBECTL_ECK_ENDPOINT: undefined,
    KUBECTL_ECK_STORE: undefined,
  };
  const flags = ['--endpoint', sandbox.ens.endpoint, '--store', store];

  try {
    step('An ENS API that checks signatures, and the API server of a cluster, run on this machine');
    say(`ENS         ${sandbox.ens.endpoint}`);
    say(`API server  ${sandbox.apiServer.url}`);

    step(`kubectl eck get-credentials ${sandbox.clusterId} ${flags.join(' ')}`);
    await timed(() => sandbox.run(['get-credentials', sandbox.clusterId, ...flags], { env }));

    step('The context that was written: no key, no certificate of a client');
    say(
      readFileSync(sandbox.kubeconfig, 'utf8')
        .trimEnd()
        .replace(/(certificate-authority-data: .{20}).*/, '$1…'),
    );

    const request = kubectl === undefined ? '@kubernetes/client-node: list the nodes' : 'kubectl get nodes';
    for (const occasion of ['the first request', 'the second request']) {
      step(`${request} (${occasion})`);
      await timed(() => getNodes(sandbox, env));
      say(`calls to ENS so far: ${sandbox.ens.calls()}`);
    }

    step('And with ENS gone');
    await sandbox.ens.stop();
    await timed(() => getNodes(sandbox, env));

    const leaks = await sandbox.filesWithIssuedKeys();
    step('The private key, looked for in every file that the demo could have written');
    say(
      leaks.length === 0 ? 'It is in none of them.' : `It is in ${leaks.join(', ')}, as --store file says.`,
    );
  } finally {
    await forget(sandbox, store);
  }
}

/** The keychain of this machine where it keeps what is written to it, else files in the demo's own directory. */
async function storeHere(sandbox: Sandbox): Promise<'auto' | 'file'> {
  const store = openStore('auto', worldOf(sandbox));
  const account = 'demo-probe';
  try {
    const keptIn = await store.save(account, Buffer.from('probe'));
    if (keptIn !== 'none' && (await store.read(account)) !== undefined) return 'auto';
  } finally {
    await store.delete(account);
  }
  say(
    'This machine has no keychain that works, so the demo keeps the credential in a file of its own (--store file).',
  );
  return 'file';
}

async function forget(sandbox: Sandbox, store: 'auto' | 'file'): Promise<void> {
  const identity = { kind: 'access-key', accessKeyId: sandbox.identity.accessKeyId } as const;
  const endpoint = parseEndpoint(sandbox.ens.endpoint);
  const account = cacheKeyText({ endpoint, identity, clusterId: sandbox.clusterId });
  await openStore(store, worldOf(sandbox)).delete(account);
}

function worldOf(sandbox: Sandbox) {
  return {
    environment: process.env,
    platform: process.platform,
    homeDirectory: () => sandbox.home,
    now: () => new Date(),
    isTerminal: () => false,
    warn: say,
    debug: () => undefined,
  };
}

function getNodes(sandbox: Sandbox, env: Record<string, string | undefined>): Promise<Outcome> {
  if (kubectl !== undefined) return sandbox.kubectl(kubectl, ['get', 'nodes'], { env });
  const client = ['--import', 'tsx', 'test/support/client-node-get-nodes.ts', sandbox.kubeconfig];
  return runProgram(process.execPath, client, {
    env: sandbox.environment(env),
    cwd: repository,
    timeoutMs: 60_000,
  });
}

async function timed(run: () => Promise<Outcome>): Promise<void> {
  const start = performance.now();
  const { status, stdout, stderr } = await run();
  const tookMs = performance.now() - start;
  say((stdout + stderr).trimEnd());
  say(`(${tookMs.toFixed(0)} ms)`);
  if (status !== 0) throw new Error(`it failed with exit status ${status}`);
}

function step(title: string): void {
  console.log(`\n▸ ${title}`);
}

function say(text: string): void {
  console.log(text.replace(/^(?=.)/gm, '  '));
}

if (!existsSync(programs.standalone)) throw new Error('run "npm run build" first');
const sandbox = await Sandbox.create('eck-demo');
try {
  await demo(sandbox);
  console.log('\nThat was all of it; nothing is left behind.');
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await sandbox.dispose();
}
