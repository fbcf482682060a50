import { mkdirSync } from 'node:fs';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { modesBehind, readCliProfiles } from '../../src/ens/cli-profiles.js';
import { failureOf, TestWorld } from './fixtures.js';

let world: TestWorld;

beforeEach(() => {
  world = new TestWorld();
});

const read = () => readCliProfiles(world.directory);

describe('the profiles of the aliyun CLI', () => {
  test('are undefined without a file', async () => {
    await expect(read()).resolves.toBeUndefined();
  });

  test('are read in order, without secrets', async () => {
    const key = { access_key_id: 'LTAI', access_key_secret: 'hunter2' };
    const first = { name: 'default', mode: 'AK', ...key, region_id: 'cn-hangzhou', output_format: 'json' };
    world.writeCliConfig([first, { name: 'role', mode: 'RamRoleArn', sts_token: 'hunter2' }], 'role');
    const cli = await read();
    expect(cli).toMatchObject({ current: 'role' });
    expect(cli?.profiles).toEqual([
      { name: 'default', mode: 'AK', region: 'cn-hangzhou', lacksAccessKey: false },
      { name: 'role', mode: 'RamRoleArn', lacksAccessKey: true },
    ]);
    expect(cli?.fieldsOf('default')).toEqual(first);
    expect(cli?.fieldsOf('gone')).toBeUndefined();
  });

  test('are read behind a byte order mark, and with CRLF', async () => {
    const text = JSON.stringify({ current: 'one', profiles: [{ name: 'one', mode: 'AK' }] }, null, '\t');
    world.write('.aliyun/config.json', `\ufeff${text.replaceAll('\n', '\r\n')}`);
    await expect(read()).resolves.toMatchObject({ current: 'one', profiles: [{ name: 'one' }] });
  });

  test('have the modes of those that they start from', async () => {
    const chained = { mode: 'chainableramrolearn', source_profile: 'two' };
    const looping = { name: 'looping', ...chained, source_profile: 'looping' };
    world.writeCliConfig([{ name: 'one', ...chained }, { name: 'two', mode: 'EXTERNAL' }, looping]);
    const cli = await read();
    expect(cli && modesBehind(cli, 'one')).toEqual(['ChainableRamRoleArn', 'External']);
    expect(cli && modesBehind(cli, 'looping')).toHaveLength(10);
  });

  test.each([undefined, null, '', 42, {}])('have the current profile "default" for %j', async (current) => {
    world.write('.aliyun/config.json', JSON.stringify({ current, profiles: [] }));
    await expect(read()).resolves.toMatchObject({ current: 'default', profiles: [] });
  });

  test.each([null, 42, 'work', [], { name: 42 }, { name: '' }, { mode: 'AK' }, { name: '\ud800' }])(
    'leave out %j',
    async (profile) => {
      world.writeCliConfig([profile as object, { name: 'good' }]);
      await expect(read()).resolves.toMatchObject({ profiles: [{ name: 'good' }] });
    },
  );

  test.each<[object, boolean]>([
    [{ mode: 'AK', access_key_id: 'a', access_key_secret: 'b' }, false],
    [{ mode: 'AK', access_key_id: '', access_key_secret: '' }, true],
    [{ mode: 'AK', access_key_id: 'a' }, true],
    [{ mode: 'StsToken', access_key_secret: 'b' }, true],
    [{ mode: 'RamRoleArn' }, true],
    [{ mode: 'EcsRamRole' }, false],
    [{}, false],
  ])('%j lacks an AccessKey: %s', async (fields, expected) => {
    world.writeCliConfig([{ name: 'one', ...fields }]);
    expect((await read())?.profiles[0]?.lacksAccessKey).toBe(expected);
  });

  test.each([
    '',
    '{"profiles":[{"name":"default","access_key_secret":"hunter2"',
    'access_key_secret = hunter2',
    'null',
    '"hunter2"',
    '[{"name":"default"}]',
    '{"current":"hunter2"}',
    '{"profiles":null}',
    '{"profiles":{"default":{"access_key_secret":"hunter2"}}}',
  ])('cannot be read from %j, and the message quotes nothing of it', async (text) => {
    const file = world.write('.aliyun/config.json', text);
    const error = await failureOf(read());
    expect(error).toMatchObject({ code: 'identity-unusable', message: expect.stringContaining(file) });
  });

  test('cannot be read from a directory', async () => {
    mkdirSync(`${world.directory}/.aliyun/config.json`, { recursive: true });
    await expect(read()).rejects.toMatchObject({ code: 'identity-unusable' });
  });
});
