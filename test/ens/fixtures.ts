import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { jest } from '@jest/globals';
import { readSettings, type SettingTexts, type Settings } from '../../src/settings.js';
import { FakeWorld } from '../exec-credential/fixtures.js';

/** What the SDK's providers read of the environment of the process, whatever the world says. */
const identityVariables = /^(ALIBABA_CLOUD_|ALIBABACLOUD_)/;

/**
 * A home directory for one test, and a world whose environment is the one of this process too, as it is when the
 * program runs. The metadata service of ECS is switched off in it.
 */
export class TemporaryHome {
  readonly directory = mkdtempSync(join(os.tmpdir(), 'kubectl-eck-'));
  world: FakeWorld;
  readonly #before = { ...process.env };

  constructor() {
    // The SDK asks the operating system, and that does not know what a test does to `process.env`.
    jest.spyOn(os, 'homedir').mockReturnValue(this.directory);
    this.world = this.useEnvironment({});
  }

  /** Gives the process and the world these variables of an identity, and no others. */
  useEnvironment(variables: Readonly<Record<string, string>>): FakeWorld {
    for (const name of Object.keys(process.env)) {
      if (identityVariables.test(name)) Reflect.deleteProperty(process.env, name);
    }
    const environment = { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true', ...variables };
    Object.assign(process.env, environment);
    this.world = new FakeWorld(environment, this.directory);
    this.world.clock = () => new Date();
    return this.world;
  }

  /** Writes a file below the home directory. @returns its path */
  write(path: string, content: string): string {
    const file = join(this.directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  /** Writes the configuration of the aliyun CLI. */
  writeCliConfig(profiles: readonly object[], current = 'default'): void {
    this.write('.aliyun/config.json', JSON.stringify({ current, profiles }));
  }

  dispose(): void {
    jest.restoreAllMocks();
    for (const name of Object.keys(process.env)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, this.#before);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Settings as they are typed, with time enough, so that what fails is not the time. */
export function settings(typed: SettingTexts = {}): Settings {
  return readSettings({ timeout: '20s', ...typed }, {});
}
