import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openKeychain } from '../../src/store/keychain.js';
import type { Store } from '../../src/store/store.js';
import { describeWith } from '../support/requirements.js';
import { repository } from '../support/sandbox.js';
import {
  secretServiceRequirement,
  sessionBusRequirement,
  startSecretService,
  startSessionBus,
  type Prompts,
  type SecretService,
} from '../support/secret-service.js';

const entry = randomBytes(3_000);
const locked = { store: 'keychain', code: 'keychain-locked' };
let service: SecretService;
let warnings: string[] = [];
afterEach(() => {
  warnings = [];
});

function open(environment: NodeJS.ProcessEnv = service.environment, limits = { call: 5_000, prompt: 5_000 }): Store {
  const warn = (line: string) => warnings.push(line);
  return openKeychain({ environment, platform: 'linux', warn, timeLimits: { ...limits, notice: 100 } });
}

function run(file: string, ...args: string[]): string {
  const env = { ...process.env, ...service.environment };
  return execFileSync(file, args, { cwd: repository, env, encoding: 'utf8' });
}

function callService(path: string, method: string, ...args: string[]): string {
  const target = ['--dest=org.freedesktop.secrets', `--object-path=${path}`, `--method=${method}`];
  return run('gdbus', 'call', '--session', ...target, ...args);
}

const itemsOf = (key: string) => service.items(`'service': 'kubectl-eck', 'username': '${key}'`);

describeWith([secretServiceRequirement], 'an unlocked Secret Service', () => {
  let store: Store;
  beforeAll(async () => {
    service = await startSecretService();
    store = open();
  });
  afterAll(() => service.stop());
  afterEach(() => store.deleteAll());

  /** Saves an item as earlier versions did. */
  function saveThroughAddon(key: string, text: string): void {
    const script = `import { Entry } from '@napi-rs/keyring';
      new Entry('kubectl-eck', '${key}', { linux: { store: 'secret-service' } }).setSecret(Buffer.from('${text}'));`;
    run(process.execPath, '--input-type=module', '-e', script);
  }
  const base64 = (bytes: Uint8Array) => Buffer.concat([Buffer.of(1), bytes]).toString('base64');

  test('saves an item with a label and attributes, which a second save replaces', async () => {
    await store.save('a', Buffer.from('1'));
    const items = await itemsOf('a');
    await store.save('a', Buffer.from('2'));
    expect(items).toHaveLength(1);
    expect(await itemsOf('a')).toEqual(items);
    const get = ['org.freedesktop.DBus.Properties.Get', 'org.freedesktop.Secret.Item', 'Label'] as const;
    expect(callService(items[0] ?? '', ...get)).toContain('kubectl-eck: a');
  });

  test('deletes every item of ours and counts them', async () => {
    for (const key of ['a', 'b', 'c']) await store.save(key, entry);
    expect(await store.deleteAll()).toBe(3);
    expect(await store.read('b')).toBeUndefined();
    expect(await store.deleteAll()).toBe(0);
  });

  test('an item that another process deletes at the same time is deleted once', async () => {
    await store.save('a', entry);
    const deletions = await Promise.all([store.delete('a'), open().delete('a')]);
    expect(deletions.sort()).toEqual([false, true]);
  });

  test('reads, replaces and deletes what the addon of earlier versions saved', async () => {
    saveThroughAddon('a', base64(entry));
    expect(await store.read('a')).toEqual(entry);
    await store.save('a', Buffer.from('new'));
    expect(await itemsOf('a')).toHaveLength(1);
    expect(await store.delete('a')).toBe(true);
    expect(await itemsOf('a')).toEqual([]);
  });

  test('of several items of one key reads one, and saves and deletes all', async () => {
    const saveTwo = async () => {
      for (const key of ['a', 'b']) await store.save(key, entry);
      const attributes = "<{'service': 'kubectl-eck', 'username': 'a', 'another': 'attribute'}>";
      const set = 'org.freedesktop.DBus.Properties.Set';
      callService((await itemsOf('b'))[0] ?? '', set, 'org.freedesktop.Secret.Item', 'Attributes', attributes);
      expect(await itemsOf('a')).toHaveLength(2);
    };
    await saveTwo();
    expect(await store.read('a')).toEqual(entry);
    await store.save('a', Buffer.from('new'));
    expect(await itemsOf('a')).toHaveLength(1);
    await saveTwo();
    expect(await store.delete('a')).toBe(true);
    expect(await itemsOf('a')).toEqual([]);
  });

  test.each(['', '%', 'AP8=', 'yP8=', 'not base64 at all'])('an item that holds %j is absent', async (text) => {
    saveThroughAddon('a', text);
    expect(await store.read('a')).toBeUndefined();
    await store.save('a', Buffer.from('new'));
    expect(await store.read('a')).toEqual(Buffer.from('new'));
  });
});

function startLocked(prompts: Prompts): void {
  beforeAll(async () => {
    service = await startSecretService({ prompts });
    await open().save('a', entry);
    await service.lock();
  });
  afterAll(() => service.stop());
}

describeWith([secretServiceRequirement], 'a locked Secret Service whose prompt is dismissed', () => {
  startLocked('dismissed');

  test.each<[string, (store: Store) => Promise<unknown>]>([
    ['read', (store) => store.read('a')],
    ['save', (store) => store.save('a', Buffer.from('new'))],
    ['save a new key', (store) => store.save('b', entry)],
    ['delete', (store) => store.delete('a')],
    ['deleteAll', (store) => store.deleteAll()],
  ])('%s says that it is locked, and to unlock it', async (_, call) => {
    const fix = expect.stringMatching(/^Unlock it(?!.*--store)/) as unknown;
    await expect(call(open())).rejects.toMatchObject({ ...locked, fix });
  });

  test('an absent key is absent', async () => {
    expect(await open().read('b')).toBeUndefined();
    expect(await open().delete('b')).toBe(false);
  });
});

describeWith([secretServiceRequirement], 'a locked Secret Service whose prompt stays open', () => {
  startLocked('unanswered');
  const limits = { call: 300, prompt: 900 };

  test.each([
    ['without a display', {}, 300],
    ['on a display', { DISPLAY: ':0' }, 900],
  ])('is waited for with a notice, and then given up: %s', async (_, display, limit) => {
    const begin = performance.now();
    const failure = { code: 'keychain-timeout', fix: 'Unlock it, then run the command again' };
    const store = open({ ...service.environment, ...display }, limits);
    await expect(store.read('a')).rejects.toMatchObject(failure);
    expect(performance.now() - begin).toBeGreaterThan(limit - 20);
    expect(performance.now() - begin).toBeLessThan(limit + 400);
    expect(warnings).toEqual(['waiting for the keychain to be unlocked']);
  });
});

describeWith([sessionBusRequirement], 'a session bus without a Secret Service', () => {
  test('has no keychain', async () => {
    const bus = await startSessionBus();
    const message = expect.stringContaining('has no Secret Service') as unknown;
    const failure = { code: 'keychain-absent', message };
    await expect(open(bus.environment).read('a')).rejects.toMatchObject(failure);
    await bus.stop();
  });
});
