import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';
import { startTied, until, type TiedProcess } from './tied-process.js';

/** What {@link startSessionBus} needs. */
export const sessionBusRequirement: Requirement = {
  name: 'dbus-daemon',
  available: onPath('dbus-daemon'),
};

/** What {@link startSecretService} needs. */
export const secretServiceRequirement: Requirement = {
  name: 'dbus-daemon, gdbus and gnome-keyring-daemon',
  available: ['dbus-daemon', 'gdbus', 'gnome-keyring-daemon'].every(onPath),
};

/** What becomes of the question for a password that a locked keyring asks. */
export type Prompts = 'dismissed' | 'unanswered';

/** A D-Bus session bus of one test. */
export interface SessionBus {
  /** Added to a program's environment, it makes the program use this bus, and see no screen. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends it, and removes everything that lies in {@link SessionBus.directory}. */
  stop(): Promise<void>;
  readonly directory: string;
}

/** A session bus with a real Secret Service on it. */
export interface SecretService extends SessionBus {
  /** Locks the keyring that items are kept in. */
  lock(): Promise<void>;
}

/** Starts a session bus that nobody offers a Secret Service on. */
export async function startSessionBus(prompts: Prompts = 'dismissed'): Promise<SessionBus> {
  const directory = await mkdtemp(join(tmpdir(), 'kubectl-eck-bus-'));
  await mkdir(join(directory, 'services'));
  await writeFile(join(directory, 'services', 'prompter.service'), prompterService(prompts));
  await writeFile(join(directory, 'bus.conf'), busConfiguration(directory));
  const daemon = startTied(
    ['dbus-daemon', `--config-file=${directory}/bus.conf`, '--nofork', '--print-address'],
    { env: { PATH: process.env['PATH'], HOME: directory } },
  );
  const stop = async () => {
    await daemon.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const environment = {
      DBUS_SESSION_BUS_ADDRESS: await firstLine(daemon),
      XDG_RUNTIME_DIR: directory,
      DISPLAY: undefined,
      WAYLAND_DISPLAY: undefined,
    };
    return { environment, stop, directory };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Starts a real Secret Service, GNOME Keyring, with a bus and a home directory of its own, so that nothing of this
 * machine's keyrings is read or changed. Its keyring is unlocked until {@link SecretService.lock}; after that, a
 * question for the password gets the answer that `prompts` says.
 */
export async function startSecretService({
  prompts = 'dismissed',
}: { readonly prompts?: Prompts } = {}): Promise<SecretService> {
  const bus = await startSessionBus(prompts);
  const { directory, environment } = bus;
  const password = join(directory, 'password');
  await writeFile(password, 'password', { mode: 0o600 });
  const daemon = startTied(['gnome-keyring-daemon', '--foreground', '--unlock', '--components=secrets'], {
    env: { ...process.env, ...environment, HOME: directory, XDG_DATA_HOME: join(directory, 'data') },
    stdin: password,
  });
  const stop = async () => {
    await daemon.stop();
    await bus.stop();
  };

  async function call(method: string, argument: string): Promise<string> {
    const command = ['call', '--session', '--timeout=5', '--dest=org.freedesktop.secrets'];
    const path = '--object-path=/org/freedesktop/secrets';
    const args = [...command, path, `--method=org.freedesktop.Secret.Service.${method}`, argument];
    return (await promisify(execFile)('gdbus', args, { env: { ...process.env, ...environment } })).stdout;
  }

  try {
    const collection = await until('the Secret Service', async () => {
      const answer = await call('ReadAlias', 'default').catch(() => '');
      return /'(\/org\/freedesktop\/secrets\/collection\/\w+)'/.exec(answer)?.[1];
    });
    const lock = async () => {
      await call('Lock', `['${collection}']`);
    };
    return { ...bus, lock, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** GNOME Keyring has its questions asked by a service that the bus starts. Neither of these asks; both end with the bus. */
function prompterService(prompts: Prompts): string {
  const command =
    prompts === 'dismissed' ? '/bin/false' : '/bin/sh -c "while kill -0 $PPID; do sleep 0.1; done"';
  return `[D-BUS Service]\nName=org.gnome.keyring.SystemPrompter\nExec=${command}\n`;
}

/** Not the machine's own configuration, with which the machine's services would be started. */
function busConfiguration(directory: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=${directory}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${directory}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;
}

async function firstLine({ stdout }: TiedProcess): Promise<string> {
  for await (const line of createInterface({ input: stdout })) return line;
  throw new Error('dbus-daemon ended without an address');
}
