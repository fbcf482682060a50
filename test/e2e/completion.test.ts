import { beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentKubectl } from '../support/kubectl.js';
import { onPath } from '../support/on-path.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { sandbox, useSandbox } from '../support/each-sandbox.js';
import { noAccessKey, other, programs, repository, runProgram } from '../support/sandbox.js';
import { stopAfterTest } from '../support/stop-after-test.js';
import { startTmux, tmuxRequirement, type Terminal } from '../support/tmux.js';

useSandbox();

/** Asks as a shell does. @returns the lines of the answer */
async function complete(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const { status, stdout, stderr } = await sandbox.run(['__complete', ...words], { env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
}

function putCluster(clusterId: string, name: string): void {
  sandbox.putCluster({ clusterId, name, region: 'cn-beijing-7' });
}

function listCalls(): number {
  return sandbox.ens.calls('DescribeClustersV1');
}

/** The file that the account's clusters are saved in. */
async function savedList(): Promise<string> {
  const directory = join(sandbox.home, '.kube/cache/kubectl-eck');
  const name = (await readdir(directory)).find((entry) => /^clusters-\w+\.json$/.test(entry)) ?? '';
  return join(directory, name);
}

describe("the account's clusters", () => {
  test('are completed by id, and by name once the person has begun to type one', async () => {
    putCluster('eck-2222', 'edge two');
    await sandbox.run(['get-credentials', 'eck-2222', '--context', 'edge']);
    expect(await complete(['get-credentials', ''])).toEqual([
      'eck-2222\tedge two, cn-beijing-7, context edge',
      'eck-0123abcd\tcn-hangzhou-58',
      ':4',
    ]);
    expect(await complete(['get-credentials', 'edge'])).toEqual(['edge two\teck-2222, cn-beijing-7', ':4']);
  });

  test('are listed once a minute, by `list` or by completion', async () => {
    await sandbox.run(['list']);
    await complete(['get-credentials', '']);
    expect(await complete(['list', '--region', ''])).toEqual(['cn-hangzhou-58', ':4']);
    expect(listCalls()).toBe(1);

    const aMinuteAgo = new Date(Date.now() - 61_000);
    await utimes(await savedList(), aMinuteAgo, aMinuteAgo);
    putCluster('eck-2222', 'new');
    expect(await complete(['get-credentials', ''])).toContain('eck-2222\tnew, cn-beijing-7');
    expect(listCalls()).toBe(2);
  });

  test('do not come from a filtered list', async () => {
    putCluster('eck-2222', 'other');
    await sandbox.run(['list', '--name', 'other']);
    expect(await complete(['get-credentials', ''])).toHaveLength(3);
  });

  test('are not listed for a command about cached credentials', async () => {
    putCluster('eck-2222', 'edge two');
    await sandbox.run(['get-credentials', 'eck-2222', '--context', 'edge']);
    const before = listCalls();
    for (const command of ['status', 'refresh', 'logout', 'doctor']) {
      expect(await complete([command, ''])).toEqual(['eck-2222\tcontext edge', ':4']);
      expect(await complete([command, 'ed'])).toEqual(['edge\teck-2222', ':4']);
    }
    expect(listCalls()).toBe(before);
  });

  test('are saved for this user only, and without secrets', async () => {
    await complete(['get-credentials', '']);
    const file = await savedList();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual([
      { clusterId: 'eck-0123abcd', name: 'eck-0123abcd', region: 'cn-hangzhou-58' },
    ]);
  });

  test('are those of the identity and the endpoint on the line', async () => {
    const { accessKeyId, accessKeySecret } = other;
    sandbox.ens.putIdentity(other);
    await sandbox.writeProfiles([
      { name: 'work' },
      { name: 'other', access_key_id: accessKeyId, access_key_secret: accessKeySecret },
    ]);
    await complete(['get-credentials', '']);
    await complete(['get-credentials', '--profile', 'other', '']);
    await complete(['get-credentials', '--profile=work', '']);
    await complete(['get-credentials', '--endpoint', 'http://127.0.0.1:1', '']);
    const callers = sandbox.ens.log.map((call) => call.accessKeyId);
    expect(callers).toEqual([sandbox.identity.accessKeyId, accessKeyId, sandbox.identity.accessKeyId]);
  });
});

describe('clusters with a cached credential', () => {
  beforeEach(async () => {
    await sandbox.run(['get-credentials', 'eck-0123abcd', '--context', 'edge']);
    await sandbox.ens.stop();
  });

  test('are completed without the network', async () => {
    expect(await complete(['get-credentials', ''])).toEqual(['eck-0123abcd\tcontext edge', ':4']);
    expect(await complete(['get-credentials', '--context', ''])).toEqual(['edge\tcurrent context', ':4']);
  });
});

describe('nothing is completed, and nothing is printed on standard error,', () => {
  test.each<[string, readonly string[], NodeJS.ProcessEnv]>([
    ['without an identity', ['get-credentials', ''], noAccessKey],
    ['with a profile that does not exist', ['get-credentials', '--profile', 'none', ''], {}],
    ['with an invalid setting', ['get-credentials', '--timeout', 'soon', ''], {}],
    ['with an invalid variable', ['get-credentials', ''], { KUBECTL_ECK_TIMEOUT: 'soon' }],
    ['with a KUBECONFIG without a file', ['get-credentials', ''], { KUBECONFIG: ':' }],
    ['with a directory as kubeconfig', ['get-credentials', '--context', ''], { KUBECONFIG: '/' }],
    ['without profiles', ['list', '--profile', ''], {}],
    ['for an unknown command', ['nonsense', ''], {}],
    ['for an unknown flag', ['list', '--nonsense'], {}],
  ])('%s', async (_, words, env) => {
    expect(await complete(words, env)).toEqual([':4']);
  });

  test('if ENS refuses', async () => {
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [] });
    expect(await complete(['get-credentials', ''])).toEqual([':4']);
  });

  test('if ENS does not answer within two seconds, which is tried once a minute', async () => {
    sandbox.ens.latencyMs = 60_000;
    const before = performance.now();
    expect(await complete(['get-credentials', ''])).toEqual([':4']);
    expect(performance.now() - before).toBeLessThan(2500);
    expect(await complete(['get-credentials', ''])).toEqual([':4']);
    expect(listCalls()).toBe(1);
  });

  test('if signing in would run a program', async () => {
    const { accessKeyId, accessKeySecret } = sandbox.identity;
    const key = { mode: 'AK', access_key_id: accessKeyId, access_key_secret: accessKeySecret };
    const text = `#!/bin/sh\ntouch "$HOME/was-run"\necho '${JSON.stringify(key)}'\n`;
    const program = await sandbox.writeHome('sign-in', text);
    await chmod(program, 0o700);
    const work = { name: 'work', mode: 'External', process_command: `"${program}"` };
    const role = {
      name: 'role',
      mode: 'ChainableRamRoleArn',
      source_profile: 'work',
      ram_role_arn: 'acs:ram::1:role/r',
    };
    await sandbox.writeProfiles([work, role]);
    for (const KUBECTL_ECK_PROFILE of ['work', 'role']) {
      expect(await complete(['get-credentials', ''], { ...noAccessKey, KUBECTL_ECK_PROFILE })).toEqual([':4']);
    }
    expect(await readdir(sandbox.home)).not.toContain('was-run');
    // The profile works.
    expect((await sandbox.run(['list', '-o', 'name'], { env: noAccessKey })).stdout).toBe('eck-0123abcd\n');
    expect(await readdir(sandbox.home)).toContain('was-run');
  });
});

describeWith([currentKubectl], 'kubectl completes', () => {
  test('the words after "kubectl eck" with the program beside kubectl-eck', async () => {
    const { kubectl } = currentKubectl;
    const { stdout } = await sandbox.kubectl(kubectl, ['__complete', 'eck', 'get-credentials', '']);
    expect(stdout).toBe('eck-0123abcd\tcn-hangzhou-58\n:4\n');
  });

  test('nothing if kubectl-eck cannot run', async () => {
    const directory = join(sandbox.directory, 'alone');
    await mkdir(directory);
    await writeFile(join(directory, 'kubectl-eck'), '#!/bin/sh\necho broken >&2\nexit 1\n', { mode: 0o755 });
    await symlink(join(repository, 'plugin/kubectl_complete-eck'), join(directory, 'kubectl_complete-eck'));
    const script = await runProgram(join(directory, 'kubectl_complete-eck'), [''], {
      env: { PATH: '/usr/bin:/bin', HOME: sandbox.home },
      timeoutMs: 20_000,
    });
    expect(script).toEqual({ status: 0, stdout: expect.stringMatching(/:4\n$/), stderr: '' });
  });
});

/** kubectl's script for bash needs it. */
const bashCompletion = '/usr/share/bash-completion/bash_completion';

const zsh = { name: 'zsh', available: onPath('zsh') };

/** Shells, their start-up files in the home directory, and the text of these. */
const shells: [shell: string, requirement: Requirement, file: string, text: string][] = [
  [
    'bash',
    { name: 'bash with bash-completion', available: onPath('bash') && existsSync(bashCompletion) },
    '.bashrc',
    `source ${bashCompletion}; bind "set show-all-if-ambiguous on"; PS1="ready> "`,
  ],
  ['zsh', zsh, '.zshrc', 'autoload -U compinit; compinit -u -D; setopt no_list_ambiguous; PS1="ready> "'],
  [
    'fish',
    { name: 'fish', available: onPath('fish') },
    '.config/fish/config.fish',
    // Otherwise fish fills the directory in the background.
    `mkdir -p ~/.local/share/fish/generated_completions
    set fish_autosuggestion_enabled 0
    function fish_prompt; echo "ready> "; end`,
  ],
];

for (const [shell, requirement, file, text] of shells) {
  describeWith([currentKubectl, tmuxRequirement, requirement], `${shell} completes`, () => {
    let terminal: Terminal;

    beforeEach(async () => {
      putCluster('eck-2222', '杭州 边缘');
      putCluster('eck-2233', 'my cluster');
      await sandbox.writeProfiles([{ name: 'home base' }]);
      const bin = join(sandbox.directory, 'bin');
      await mkdir(bin);
      await symlink(currentKubectl.kubectl.path, join(bin, 'kubectl'));
      const sources = ['kubectl', 'kubectl-eck'].map((program) => {
        const script = `${program} completion ${shell}`;
        return shell === 'fish' ? `${script} | source` : `source <(${script})`;
      });
      const startFile = await sandbox.writeHome(file, [text, ...sources].join('\n'));
      const command = shell === 'bash' ? ['bash', '--rcfile', startFile] : [shell];
      const environment = sandbox.environment();
      const env = { ...environment, PATH: `${bin}:${environment['PATH'] ?? ''}` };
      terminal = stopAfterTest(await startTmux(command, env, sandbox.directory));
      await terminal.waitFor(/^ready>$/m);
    }, 30_000);

    test.each(['kubectl eck', 'kubectl-eck'])(
      'commands, flags, values and clusters of %s',
      async (program) => {
        const expected: [typed: string, seen: RegExp][] = [
          ['', /get-credentials +(?:-- |\()\w.*\n(?:.*\n)*.*list +(?:-- |\()list the account/],
          ['get-cr', /get-credentials$/m],
          ['get-credentials eck-22', /eck-2222 +(?:-- |\()杭州 边缘, cn-beijing-7/],
          ['get-credentials eck-0', /get-credentials eck-0123abcd/],
          ['get-credentials 杭', /get-credentials 杭州\\ 边缘/],
          ['get-credentials my', /get-credentials my\\ cluster/],
          ['list --prof', /list --profile/],
          ['list --profile h', /list --profile home\\ base/],
          ['list --site=ch', /list --site=china/],
          ['list -o js', /list -o json/],
        ];
        for (const [typed, seen] of expected) {
          await terminal.type(`${program} ${typed}`, 'Tab');
          await terminal.waitFor(seen);
          await terminal.type('C-u', 'C-l');
          await terminal.waitFor(/^ready>\s*$/);
        }
      },
      90_000,
    );

    test('a program given by its path, and words in quotes, without running them', async () => {
      await symlink(programs.standalone, join(sandbox.directory, 'kubectl-eck'));
      await terminal.type('./kubectl-eck list --profile "ho', 'Tab');
      await terminal.waitFor(/list --profile "home base"/);
      await terminal.type('C-u', 'C-l');
      await terminal.waitFor(/^ready>\s*$/);
      await terminal.type('kubectl-eck list --name "$(touch home/was-run)" --sit', 'Tab');
      await terminal.waitFor(/ --site$/m);
      expect(await readdir(sandbox.home)).not.toContain('was-run');
    }, 60_000);
  });
}

describeWith([zsh], 'the script for zsh', () => {
  test('works from a directory of fpath too', async () => {
    const directory = join(sandbox.home, 'functions');
    await mkdir(directory);
    const { stdout } = await sandbox.run(['completion', 'zsh']);
    await writeFile(join(directory, '_kubectl-eck'), stdout);
    const script = [
      `fpath=(${JSON.stringify(directory)} $fpath)`,
      'autoload -U compinit; compinit -u -D',
      'print -r -- $_comps[kubectl-eck]',
    ].join('; ');
    const options = { env: sandbox.environment(), timeoutMs: 20_000 };
    expect(await runProgram('zsh', ['-f', '-c', script], options)).toEqual({
      status: 0,
      stdout: '_kubectl-eck\n',
      stderr: '',
    });
  });
});

describe('completion', () => {
  const withoutConfig = { bash: '--norc', zsh: '-f', fish: '--no-config' };
  test.each(Object.entries(withoutConfig).filter(([shell]) => onPath(shell)))(
    'loads in %s without starting a process',
    async (shell, flag) => {
      const { stdout } = await sandbox.run(['completion', shell]);
      const file = await sandbox.writeHome('script', stdout);
      const options = { env: { HOME: sandbox.home, PATH: '/nonexistent' }, timeoutMs: 20_000 };
      const loaded = await runProgram(`/usr/bin/${shell}`, [flag, '-c', `. '${file}'`], options);
      expect(loaded).toEqual({ status: 0, stdout: '', stderr: '' });
    },
  );

  test('prints a script for PowerShell whose braces and quotes are closed', async () => {
    const { status, stdout } = await sandbox.run(['completion', 'powershell']);
    expect(status).toBe(0);
    expect(stdout).toContain("Register-ArgumentCompleter -Native -CommandName 'kubectl-eck'");
    const code = stdout.replace(/^\s*#.*$/gm, '').replace(/'(?:[^']|'')*'|"(?:[^"`]|`.)*"/g, '');
    expect(code).not.toMatch(/['"]/);
    for (const [open, close] of ['{}', '()', '[]']) {
      expect(code.split(open ?? '').length).toBe(code.split(close ?? '').length);
    }
  });

  test('of another shell is wrong usage', async () => {
    expect(await sandbox.run(['completion', 'tcsh'])).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('SHELL "tcsh" is not one of bash, zsh, fish, powershell [usage]\n'),
    });
  });
});
