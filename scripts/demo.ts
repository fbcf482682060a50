// Shows the whole story on this machine: an ENS API and an API server on loopback, get-credentials, and requests with
// the cached credential while ENS runs and after it stopped. Everything is deleted at the end.
import { readFileSync } from 'node:fs';
import { kubectls, type Outcome } from '../test/support/kubectl.js';
import { repository, runProgram, Sandbox } from '../test/support/sandbox.js';

const kubectl = kubectls.at(-1);
const sandbox = await Sandbox.create('eck-0123abcd');
const { ens, clusterId, authority, apiServer } = sandbox;
const name = 'shop-hangzhou';
ens.putCluster({ clusterId, name, authority, server: apiServer.url });
// The home directory is the sandbox's, the keychain is that of the person.
const keychainVariables = ['DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'DISPLAY', 'WAYLAND_DISPLAY'];
const env = {
  ...Object.fromEntries(keychainVariables.map((name) => [name, process.env[name]])),
  KUBECTL_ECK_STORE: undefined,
};
// Not --all, which would delete the person's own credentials, too.
const logout = ['logout', clusterId];
const [client, work] =
  kubectl === undefined
    ? ['The JavaScript client, since there is no kubectl', 'start Node.js, and ask with the cached credential']
    : ['kubectl get nodes', 'kubectl get nodes with the cached credential'];

try {
  const { store, problem } = await findStore();
  const isOld = kubectl !== undefined && kubectl.minor < 22;
  const options = [
    ...(store === 'file' ? ['--store', store] : []),
    ...(isOld ? ['--exec-api-version', 'v1beta1'] : []),
  ];
  const getCredentials = ['get-credentials', name, ...options];
  const callsBefore = ens.calls();
  step(`kubectl eck ${getCredentials.join(' ')}`);
  if (problem !== undefined) say(`(--store file, since no keychain works here: ${problem})\n`);
  await timed('fetch, save and write', () => sandbox.run(getCredentials, { env }));

  step('The kubeconfig: how to ask for the key, and no key');
  const kubeconfig = readFileSync(sandbox.kubeconfig, 'utf8');
  say(kubeconfig.slice(kubeconfig.indexOf('users:'), kubeconfig.indexOf('contexts:')));

  step(client);
  await timed(work, getNodes);
  await ens.stop();
  step(`${client}, after ENS stopped`);
  await timed(work, getNodes);
  say(`calls for a kubeconfig to ENS: ${ens.calls('DescribeClusterUserKubeconfig') - callsBefore}`);

  step(`kubectl eck ${logout.join(' ')}`);
  const files = await sandbox.filesWithIssuedKeys();
  await timed('delete the credential', () => sandbox.run(logout, { env }));
  const where = store === 'file' ? 'only in the store "file", which the demo chose' : 'in no file';
  step(`Done. The private key was ${files.length === 0 ? 'in no file' : where}, and everything is deleted.`);
  say('Next: install kubectl-eck as README.md says, then run "kubectl eck login" with your own account.');
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await sandbox.dispose();
}

/** `auto` if this machine saves what is written to its keychain, else `file` and why. */
async function findStore(): Promise<{ store: 'auto' | 'file'; problem?: string }> {
  const args = ['exec-credential', '--cluster-id', clusterId];
  const before = ens.calls();
  const { stderr } = await sandbox.run(args, { env });
  await sandbox.run(args, { env });
  const isSaved = ens.calls() === before + 1;
  await sandbox.run(logout, { env });
  if (isSaved) return { store: 'auto' };
  return {
    store: 'file',
    problem: /^kubectl-eck: (.*?)(?:, so every .*)?$/m.exec(stderr)?.[1] ?? 'no keychain',
  };
}

/** Without a kubectl, the JavaScript client asks. */
function getNodes(): Promise<Outcome> {
  if (kubectl !== undefined) return sandbox.kubectl(kubectl, ['get', 'nodes'], { env });
  const client = ['--import', 'tsx', 'test/support/client-node-get-nodes.ts', sandbox.kubeconfig];
  const options = { env: sandbox.environment(env), cwd: repository, timeoutMs: 60_000 };
  return runProgram(process.execPath, client, options);
}

async function timed(what: string, run: () => Promise<Outcome>): Promise<void> {
  const start = performance.now();
  const { status, stdout, stderr } = await run();
  say(`${stdout}${stderr}(${what}: ${(performance.now() - start).toFixed(0)} ms)`);
  if (status !== 0) throw new Error(`exit status ${String(status)}`);
}

function step(title: string): void {
  console.log(`\n▸ ${title}`);
}

function say(text: string): void {
  console.log(text.trimEnd().replace(/^(?=.)/gm, '  '));
}
