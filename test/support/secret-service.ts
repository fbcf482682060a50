import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';
import { startTied, until } from './tied-process.js';

/** Needed by {@link startSessionBus}. */
export const sessionBusRequirement: Requirement = { name: 'dbus-daemon', available: onPath('dbus-daemon') };

/** Needed by {@link startSecretService}. */
export const secretServiceRequirement: Requirement = {
  name: 'dbus-daemon, gdbus and gnome-keyring-daemon',
  available: ['dbus-daemon', 'gdbus', 'gnome-keyring-daemon'].every(onPath),
};

/** What happens to the prompt that unlocks a locked keyring. */
export type Prompts = 'dismissed' | 'unanswered';

/** A session bus with a real Secret Service. Its `environment` makes a program use it, and see no display. */
export type SecretService = Awaited<ReturnType<typeof startSecretService>>;

/** Starts a session bus without a Secret Service. */
export async function startSessionBus(prompts: Prompts = 'dismissed') {
  const directory = await mkdtemp(join(tmpdir(), 'kubectl-eck-bus-'));
  await mkdir(join(directory, 'services'));
  await writeFile(join(directory, 'services', 'prompter.service'), prompterService(prompts));
  await writeFile(join(directory, 'bus.conf'), busConfiguration(directory));
  const daemon = startTied(['dbus-daemon', `--config-file=${directory}/bus.conf`, '--nofork', '--print-address'], {
    env: { PATH: process.env['PATH'], HOME: directory },
  });
  const [address] = (await once(daemon.stdout, 'data')) as [Buffer];
  const noDisplay = { DISPLAY: undefined, WAYLAND_DISPLAY: undefined };
  const bus = { DBUS_SESSION_BUS_ADDRESS: String(address).trim(), XDG_RUNTIME_DIR: directory };
  return {
    directory,
    environment: { ...bus, ...noDisplay },
    async stop(): Promise<void> {
      await daemon.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Starts GNOME Keyring with its own bus and home directory. Its keyring is unlocked until `lock`. */
export async function startSecretService(options: { prompts?: Prompts } = {}) {
  // It crashes at times, in glib. One that does so before it serves anything is started once more.
  return (await startKeyring(options).catch(() => undefined)) ?? startKeyring(options);
}

async function startKeyring(options: { prompts?: Prompts }) {
  const bus = await startSessionBus(options.prompts);
  const { directory } = bus;
  const env = { ...process.env, ...bus.environment, HOME: directory, XDG_DATA_HOME: join(directory, 'data') };
  const password = join(directory, 'password');
  await writeFile(password, 'password', { mode: 0o600 });
  const argv = ['gnome-keyring-daemon', '--foreground', '--unlock', '--components=secrets'];
  let daemon = startTied(argv, { env, stdin: password });

  async function call(method: string, argument: string): Promise<string> {
    const to = ['--dest=org.freedesktop.secrets', '--object-path=/org/freedesktop/secrets'];
    const member = `--method=org.freedesktop.Secret.Service.${method}`;
    const args = ['call', '--session', '--timeout=5', ...to, member, argument];
    return (await promisify(execFile)('gdbus', args, { env })).stdout;
  }

  const stop = async (): Promise<void> => {
    await daemon.stop();
    await bus.stop();
  };
  const findCollection = () =>
    until('the Secret Service', async () => {
      const answer = await call('ReadAlias', 'default').catch(() => '');
      return /'(\/org\/freedesktop\/secrets\/collection\/\w+)'/.exec(answer)?.[1];
    });
  try {
    const collection = await findCollection();
    return {
      ...bus,
      stop,
      lock: () => call('Lock', `['${collection}']`),
      /** Starts GNOME Keyring again, with its keyring unlocked. */
      async restart(): Promise<void> {
        await daemon.stop();
        daemon = startTied(argv, { env, stdin: password });
        await findCollection();
      },
      isRunning: () =>
        call('ReadAlias', 'default').then(
          () => true,
          () => false,
        ),
      /** The paths of the items with these attributes, such as `'service': 'kubectl-eck'`. */
      async items(attributes: string): Promise<string[]> {
        const found = await call('SearchItems', `{${attributes}}`);
        return found.match(/\/org\/freedesktop\/secrets\/collection\/\w+\/\w+/g) ?? [];
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The service that GNOME Keyring asks for a password. Neither kind shows a prompt; both end with the bus. */
function prompterService(prompts: Prompts): string {
  const waiting = '/bin/sh -c "while kill -0 $PPID; do sleep 0.1; done"';
  const command = prompts === 'dismissed' ? '/bin/false' : waiting;
  return `[D-BUS Service]\nName=org.gnome.keyring.SystemPrompter\nExec=${command}\n`;
}

/** Without the machine's own services. */
function busConfiguration(directory: string): string {
  return `<busconfig>
  <type>session</type>
  <listen>unix:dir=${directory}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${directory}/services</servicedir>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
`;
}
