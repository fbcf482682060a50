import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readExecArguments } from '../../src/exec-credential/arguments.js';
import { cacheKeyText } from '../../src/credential/cache-key.js';
import { identityFromSettings } from '../../src/identity.js';
import { parseClusterId } from '../../src/settings.js';
import { resolveEndpoint } from '../../src/endpoint.js';
import { readSettings, settingFlags, variableOf } from '../../src/settings.js';
import { holds, isWellFormed, outcomeOf, runs, Secrets } from './property.js';
import { anyText, trickyNames } from './values.js';

const timeoutMs = 120_000;
const password = 'correct-horse-battery-staple';
const secrets = new Secrets();
secrets.add(password);

const flags = [...settingFlags, 'cluster-id'];
const value = fc.oneof(
  { weight: 2, arbitrary: anyText },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...[
        '',
        ' ',
        'default',
        'eck-0123abcd',
        'eck',
        '-',
        '--',
        '=',
        '--profile',
        'china',
        'international',
        'auto',
      ],
      ...[
        'keychain',
        'kernel',
        'file',
        'none',
        '10s',
        '1h30m',
        '0s',
        '1.5h',
        '-1s',
        '1e9s',
        '9'.repeat(400) + 'h',
      ],
      ...[
        '2147483648ms',
        '2147483647ms',
        '0.0001ms',
        '1'.repeat(5000),
        '1ms'.repeat(2000),
        '1m'.repeat(2000) + 'x',
      ],
      ...[
        'acs:ram::1:role/name',
        'acs:ram::1:role/',
        `acs:ram::${'1'.repeat(3000)}:role/a b`,
        'ens.aliyuncs.com',
      ],
      ...[
        'http://127.0.0.1:1',
        'http://[::1]',
        'http://example.com',
        'https://host:99999',
        'https://host/path',
        '//',
      ],
      ...[
        `https://user:${password}@host`,
        `user:${password}@host`,
        `https://user:${password}@a b`,
        'ftp://host',
      ],
      ...[`ftp://user:${password}@host`, `https://user:${password}@host:99999`],
      ...[
        'http://127.0.0.1@example.com',
        'http://0x7f.1',
        'http://127.1',
        'http://localhost.',
        'https://xn--',
        'HTTP://',
      ],
    ),
  },
  { weight: 1, arbitrary: fc.webUrl() },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(), fc.constantFrom('ms', 's', 'm', 'h')).map((parts) => parts.join('')),
  },
);

const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...flags).map((flag) => `--${flag}`) },
  { weight: 3, arbitrary: value },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom(...flags), value).map(([flag, text]) => `--${flag}=${text}`),
  },
  { weight: 1, arbitrary: fc.constantFrom(...trickyNames).map((name) => `--${name}`) },
  { weight: 1, arbitrary: fc.constantFrom('exec-credential', 'get-credentials', '--help', '-h', '-o') },
);

const commandLine = fc
  .tuple(fc.constantFrom('exec-credential', 'get-credentials', ''), fc.array(word, { maxLength: 8 }))
  .map(([command, words]) => (command === '' ? words : [command, ...words]));

const environment = fc
  .tuple(
    fc.constantFrom<Record<string, string>>({}, { KUBERNETES_EXEC_INFO: '{}' }),
    fc.oneof(
      { weight: 1, arbitrary: fc.constant({}) },
      {
        weight: 2,
        arbitrary: fc.dictionary(fc.constantFrom(...flags.map(variableOf)), value, { maxKeys: 3 }),
      },
      {
        weight: 1,
        arbitrary: fc.dictionary(fc.constantFrom('ALIBABA_CLOUD_REGION_ID', ...trickyNames), value),
      },
    ),
  )
  .map(([info, variables]) => ({ ...info, ...variables }));

test(
  'a command line is not the short way, is understood, or is wrong usage',
  () => {
    let read = 0;
    holds(fc.tuple(commandLine, environment), ([args, variables]) => {
      const { value: typed } = outcomeOf([], () => readExecArguments(args, variables));
      if (typed === undefined) return;
      for (const [name, text] of Object.entries(typed.settings)) {
        if (!flags.includes(name) || typeof text !== 'string') throw new Error(`${name} is no flag`);
      }
      const { clusterId, settings } = typed;
      if (clusterId !== undefined) {
        const { value: id } = outcomeOf(['usage'], () => parseClusterId(clusterId));
        if (id !== undefined && !/^[\w-]{1,63}$/.test(id)) throw new Error('no cluster id');
      }
      if (checkSettings(settings, variables)) read += 1;
    });
    expect(read).toBeGreaterThan(runs / 100);
  },
  timeoutMs,
);

test(
  'settings are read, or are wrong usage',
  () => {
    const typed = fc.dictionary(fc.constantFrom(...settingFlags), value, { maxKeys: 4 });
    let read = 0;
    holds(fc.tuple(typed, environment), ([texts, variables]) => {
      if (checkSettings(texts, variables)) read += 1;
    });
    expect(read).toBeGreaterThan(runs / 100);
  },
  timeoutMs,
);

function checkSettings(texts: Record<string, string>, variables: Record<string, string>): boolean {
  const { value: settings, error } = outcomeOf(['usage'], () => readSettings(texts, variables));
  // A password has no place in the other flags.
  if (error?.message.startsWith('--endpoint ')) secrets.rejectIn(error.message);
  if (settings === undefined) return false;
  for (const ms of [
    settings.maxAgeMs,
    settings.timeoutMs,
    settings.connectTimeoutMs,
    settings.readTimeoutMs,
  ]) {
    // A timer with a longer time than that goes off at once.
    if (!(ms > 0 && ms < 2 ** 31)) throw new Error(`a time of ${ms} ms`);
  }
  const { protocol, host } = resolveEndpoint(settings.endpoint);
  const url = new URL(`${protocol}://${host}`);
  if (url.host !== host) throw new Error(`${host} is not spelt canonically`);
  if (protocol === 'http' && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)) {
    throw new Error(`plain http to ${host}`);
  }
  const identity = identityFromSettings(settings, variables);
  // No program can be started with what is no well-formed text.
  if (!isWellFormed(settings.profile ?? '')) return true;
  if (identity.kind !== 'chain') cacheKeyText({ endpoint: settings.endpoint, identity, clusterId: 'eck-1' });
  return true;
}
