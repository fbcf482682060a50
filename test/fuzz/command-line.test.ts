import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readExecArguments } from '../../src/exec-credential/arguments.js';
import { cacheKeyText } from '../../src/credential/encoded-entry.js';
import { identityFromSettings } from '../../src/identity.js';
import { resolveEndpoint } from '../../src/endpoint.js';
import { parseClusterId, readSettings, settingFlags, variableOf } from '../../src/settings.js';
import { holds, outcomeOf, runs, Secrets } from './property.js';
import { anyText, trickyNames, weighted, words } from './values.js';

const password = 'correct-horse-battery-staple';
const secrets = new Secrets();
secrets.add(password);

const flags = [...settingFlags, 'cluster-id'];
const plausible = [
  ...['', '-', '--', '=', '--profile', 'default', 'eck-0123abcd', 'eck', 'china', 'international'],
  ...'auto keychain kernel file none'.split(' '),
  ...'10s 1h30m 0s 1.5h -1s 1e9s 2147483648ms 2147483647ms 0.0001ms'.split(' '),
  ...[`${'9'.repeat(400)}h`, '1'.repeat(5000), '1ms'.repeat(2000), `${'1m'.repeat(2000)}x`, ' '],
  ...['acs:ram::1:role/name', 'acs:ram::1:role/', `acs:ram::${'1'.repeat(3000)}:role/a b`],
  ...'ens.aliyuncs.com http://127.0.0.1:1 http://[::1] http://example.com https://host:99999'.split(' '),
  ...'https://host/path // ftp://host http://127.0.0.1@example.com http://0x7f.1 http://127.1'.split(' '),
  ...[`https://user:${password}@host`, `user:${password}@host`, `https://user:${password}@a b`],
  ...[`ftp://user:${password}@host`, `https://user:${password}@host:99999`],
  ...['http://localhost.', 'https://xn--', 'HTTP://'],
];
const duration = fc.tuple(fc.nat(), words('ms s m h')).map((parts) => parts.join(''));
const value = weighted([2, anyText], [4, fc.constantFrom(...plausible)], [1, fc.webUrl()], [1, duration]);

const flag = fc.constantFrom(...flags);
const word = weighted(
  [4, flag.map((name) => `--${name}`)],
  [3, value],
  [3, fc.tuple(flag, value).map(([name, text]) => `--${name}=${text}`)],
  [1, fc.constantFrom(...trickyNames).map((name) => `--${name}`)],
  [1, words('exec-credential get-credentials --help -h -o')],
);
const commandLine = fc
  .tuple(words('exec-credential get-credentials '), fc.array(word, { maxLength: 8 }))
  .map(([command, more]) => (command === '' ? more : [command, ...more]));

const variables = weighted<Record<string, string>>(
  [1, fc.constant({})],
  [2, fc.dictionary(fc.constantFrom(...settingFlags.map(variableOf)), value, { maxKeys: 3 })],
  [1, fc.dictionary(fc.constantFrom('ALIBABA_CLOUD_REGION_ID', ...trickyNames), value)],
);
const environment = fc
  .tuple(fc.constantFrom({}, { KUBERNETES_EXEC_INFO: '{}' }), variables)
  .map(([info, more]) => ({ ...info, ...more }));

test('any command line is left to the slow way, understood, or wrong usage', () => {
  let read = 0;
  holds(fc.tuple(commandLine, environment), ([args, env]) => {
    const { value: typed } = outcomeOf([], () => readExecArguments(args, env));
    if (typed === undefined) return;
    for (const [name, text] of Object.entries(typed.settings)) {
      if (!flags.includes(name) || typeof text !== 'string') throw new Error(`${name} is no flag`);
    }
    const { clusterId } = typed;
    const { value: id } = outcomeOf(['usage'], () => clusterId && parseClusterId(clusterId));
    if (id && !/^[\w-]{1,63}$/.test(id)) throw new Error('no cluster id');
    if (checkSettings(typed.settings, env)) read += 1;
  });
  expect(read).toBeGreaterThan(runs / 100);
});

/** @returns whether the settings are valid */
function checkSettings(texts: Record<string, string>, env: Record<string, string>): boolean {
  const { value: settings, error } = outcomeOf(['usage'], () => readSettings(texts, env));
  // The other flags have no password.
  if (error?.message.startsWith('--endpoint ')) secrets.rejectIn(error.message);
  if (settings === undefined) return false;
  const { maxAgeMs, timeoutMs: limitMs, endpoint, profile = '' } = settings;
  for (const ms of [maxAgeMs, limitMs]) {
    // A longer timer fires at once.
    if (!(ms > 0 && ms < 2 ** 31)) throw new Error(`a time of ${ms} ms`);
  }
  const { protocol, host } = resolveEndpoint(endpoint);
  const url = new URL(`${protocol}://${host}`);
  if (url.host !== host) throw new Error(`${host} is not in canonical form`);
  if (protocol === 'http' && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)) {
    throw new Error(`plain http to ${host}`);
  }
  const identity = identityFromSettings(settings, env);
  // A lone surrogate cannot be an argument of a program.
  if (identity.kind !== 'chain' && !/\p{Surrogate}/u.test(profile)) {
    cacheKeyText({ endpoint, identity, clusterId: 'eck-1' });
  }
  return true;
}
