import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readCliProfiles } from '../../src/ens/cli-profiles.js';
import { EckError } from '../../src/errors.js';
import { TemporaryHome } from './fixtures.js';

let home: TemporaryHome;

beforeEach(() => {
  home = new TemporaryHome();
});
afterEach(() => {
  home.dispose();
});

function read() {
  return readCliProfiles(home.directory);
}

describe("the CLI's profiles", () => {
  test('are none where there is no file', async () => {
    await expect(read()).resolves.toBeUndefined();
    mkdirSync(`${home.directory}/.aliyun`);
    await expect(read()).resolves.toBeUndefined();
  });

  test('are read by name in their order, with what is no secret', async () => {
    home.writeCliConfig(
      [
        {
          name: 'default',
          mode: 'AK',
          access_key_id: 'LTAI',
          access_key_secret: 'hunter2',
          region_id: 'cn-hangzhou',
          output_format: 'json',
        },
        {
          name: 'role',
          mode: 'RamRoleArn',
          sts_token: 'hunter2',
          ram_role_arn: 'acs:ram::1:role/x',
          ram_session_name: 'session',
          ram_role_name: 'ecs',
        },
        { name: 'uri', mode: 'CredentialsURI', credentials_uri: 'http://127.0.0.1/' },
      ],
      'role',
    );
    const profiles = await read();
    expect(profiles).toMatchObject({
      current: 'role',
      profiles: [
        { name: 'default', mode: 'AK', region: 'cn-hangzhou' },
        {
          name: 'role',
          mode: 'RamRoleArn',
          ramRoleArn: 'acs:ram::1:role/x',
          sessionName: 'session',
          ramRoleName: 'ecs',
        },
        { name: 'uri', mode: 'CredentialsURI', credentialsUri: 'http://127.0.0.1/' },
      ],
    });
    expect(JSON.stringify(profiles)).not.toContain('hunter2');
  });

  test.each([undefined, null, '', 42, {}])(
    'have the current one "default" where current is %j',
    async (current) => {
      home.write('.aliyun/config.json', JSON.stringify({ current, profiles: [] }));
      await expect(read()).resolves.toMatchObject({ current: 'default', profiles: [] });
    },
  );

  test.each([null, 42, 'work', {}, [], { name: 42 }, { name: null }, { name: '' }, { mode: 'AK' }])(
    'do not have one that is %j',
    async (profile) => {
      home.writeCliConfig([profile as object, { name: 'good' }]);
      await expect(read()).resolves.toMatchObject({ profiles: [{ name: 'good' }] });
    },
  );

  test.each(['', 42, null, ['cn-hangzhou']])('have no region where region_id is %j', async (region) => {
    home.writeCliConfig([{ name: 'work', region_id: region }]);
    await expect(read()).resolves.toMatchObject({ profiles: [{ name: 'work' }] });
    expect((await read())?.profiles[0]).not.toHaveProperty('region');
  });

  test.each([
    ['nothing', ''],
    ['JSON that is cut', '{"profiles":[{"name":"default","access_key_secret":"hunter2"'],
    ['JSON with a comma too many', '{"profiles":[{"access_key_secret":"hunter2"},]}'],
    ['no JSON', 'access_key_secret = hunter2'],
    ['null', 'null'],
    ['a text', '"hunter2"'],
    ['a number', '42'],
    ['a list', '[{"name":"default"}]'],
    ['an object without profiles', '{"current":"hunter2"}'],
    ['profiles that are null', '{"profiles":null}'],
    ['profiles that are a mapping', '{"profiles":{"default":{"access_key_secret":"hunter2"}}}'],
  ])('cannot be read from %s, and the message holds nothing of it', async (_, text) => {
    const file = home.write('.aliyun/config.json', text);
    const error: unknown = await read().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EckError);
    expect(error).toMatchObject({ code: 'identity-unusable', message: expect.stringContaining(file) });
    expect((error as EckError).message).not.toContain('hunter2');
    expect((error as EckError).cause).toBeUndefined();
  });

  test('cannot be read from a directory', async () => {
    mkdirSync(`${home.directory}/.aliyun/config.json`, { recursive: true });
    await expect(read()).rejects.toMatchObject({ code: 'identity-unusable' });
  });
});
