// Shows the whole story on this machine: an ENS API and an API server on loopback, get-credentials, and requests with
// the cached credential while ENS runs and after it stopped. Everything is deleted at the end.
import { readFileSync } from 'node:fs';
import { kubectls, type Outcome } from '../test/support/kubectl.js';
import { repository, runProgram, Sandbox } from '../test/support/sandbox.js';

const [kubectl] = kubectls;
const sandbox = await Sandbox.create('eck-demo');
const { ens, clusterId } = sandbox;
// The home directory is the sandbox's, the keychain is that of the person.
const keychainVariables = ['DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'DISPLAY', 'WAYLAND_DISPLAY'];
const env = {
  ...Object.fromEntries(keychainVariables.map((name) => [name, process.env[name]])),
  KUBECTL_ECK_ENDPOINT: undefined,
  KUBECTL_ECK_STORE: undefined,
};
// Not --all, which would delete the person's own credentials, too.
const logout = ['logout', clusterId];

try {
  const store = await findStore();
  const callsBefore = ens.calls();
  const getCredentials = ['get-credentials', clusterId, '--endpoint', ens.endpoint, '--store', store];
  step(`kubectl eck ${getCredentials.join(' ')}`);
  await timed(() => sandbox.run(getCredentials, { env }));

  step('The kubeconfig: no client key');
  say(readFileSync(sandbox.kubeconfig, 'utf8').replace(/(certificate-authority-data: .{20}).*/, '$1…'));

  for (const when of ['first', 'second']) {
    step(`kubectl get nodes, ${when} time`);
    await timed(getNodes);
    say(`calls to ENS so far: ${ens.calls() - callsBefore}`);
  }
  await ens.stop();
  step('kubectl get nodes, after ENS stopped');
  await timed(getNodes);

  const files = await sandbox.filesWithIssuedKeys();
  step(`Files with the private key: ${files.length === 0 ? 'none' : files.join(', ')}`);
  await timed(() => sandbox.run(logout, { env }));
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await sandbox.dispose();
}

/** `auto` if this machine saves what is written to its keychain, else `file`. */
async function findStore(): Promise<'auto' | 'file'> {
  const args = ['exec-credential', '--cluster-id', clusterId, '--endpoint', ens.endpoint];
  for (let time = 0; time < 2; time += 1) await sandbox.run(args, { env });
  const isSaved = ens.calls() === 1;
  await sandbox.run(logout, { env });
  if (!isSaved) say('This machine has no working keychain. The demo uses --store file.');
  return isSaved ? 'auto' : 'file';
}

/** Without a kubectl, the JavaScript client asks. */
function getNodes(): Promise<Outcome> {
  if (kubectl !== undefined) return sandbox.kubectl(kubectl, ['get', 'nodes'], { env });
  const client = ['--import', 'tsx', 'test/support/client-node-get-nodes.ts', sandbox.kubeconfig];
  const options = { env: sandbox.environment(env), cwd: repository, timeoutMs: 60_000 };
  return runProgram(process.execPath, client, options);
}

async function timed(run: () => Promise<Outcome>): Promise<void> {
  const start = performance.now();
  const { status, stdout, stderr } = await run();
  say(`${stdout}${stderr}(${(performance.now() - start).toFixed(0)} ms)`);
  if (status !== 0) throw new Error(`exit status ${String(status)}`);
}

function step(title: string): void {
  console.log(`\n▸ ${title}`);
}

function say(text: string): void {
  console.log(text.trimEnd().replace(/^(?=.)/gm, '  '));
}
