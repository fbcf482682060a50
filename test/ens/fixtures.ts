import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { dirname, join } from 'node:path';
import { expect } from '@jest/globals';
import { EckError } from '../../src/errors.js';
import { readSettings, type SettingTexts, type Settings } from '../../src/settings.js';
import { FakeWorld } from '../exec-credential/fixtures.js';
import { directory } from '../support/directory.js';
import type { EnsIdentity } from '../support/ens-account.js';
import { Loopback } from '../support/loopback.js';
import { stopAfterTest } from '../support/stop-after-test.js';

export const alice: EnsIdentity = {
  name: 'alice',
  accessKeyId: 'LTAI5tAlice',
  accessKeySecret: 'hunter2hunter2',
};

/** A world of one test: its own home directory, and only the variables that the test sets. */
export class TestWorld extends FakeWorld {
  readonly debugLines: string[] = [];
  readonly directory = this.homeDirectory();
  override clock = (): Date => new Date();
  isPersonWaiting = false;

  constructor() {
    super({}, directory);
    this.setVariables({});
  }

  setVariables(variables: Readonly<Record<string, string | undefined>>): void {
    this.environment = { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true', ...variables };
  }

  /** Signs in with the AccessKey of an identity. */
  setAccessKey({ accessKeyId, accessKeySecret, securityToken }: EnsIdentity = alice): void {
    this.setVariables({
      ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: accessKeySecret,
      ALIBABA_CLOUD_SECURITY_TOKEN: securityToken,
    });
  }

  /** Writes a file below the home directory. @returns its path */
  write(path: string, content: string): string {
    const file = join(this.directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  /** Writes the configuration of the aliyun CLI. @returns its path */
  writeCliConfig(profiles: readonly object[], current = 'default'): string {
    return this.write('.aliyun/config.json', JSON.stringify({ current, profiles }));
  }

  override isTerminal = (): boolean => this.isPersonWaiting;

  override debug = (line: string): void => void this.debugLines.push(line);
}

/** Starts a server on loopback for one test. @returns its URL */
export async function serve(listener: RequestListener): Promise<string> {
  const { host } = stopAfterTest(await new Loopback(createServer(listener)).opened());
  return `http://${host}/`;
}

export function settings(typed: SettingTexts = {}): Settings {
  return readSettings({ timeout: '20s', ...typed }, {});
}

/** Awaits an EckError whose message, fix and cause contain no secret and no control characters. */
export async function failureOf(promise: Promise<unknown>): Promise<EckError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(EckError);
  const { message, fix = '', cause } = error as EckError;
  expect(`${message} ${fix}`).not.toMatch(/hunter\d/);
  // eslint-disable-next-line no-control-regex
  expect(`${message} ${fix}`).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  expect(message.length).toBeLessThan(700);
  expect(cause).toBeUndefined();
  return error as EckError;
}
