import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentKubectl } from '../support/kubectl.js';
import { onPath } from '../support/on-path.js';
import { describeWith, type Requirement } from '../support/requirements.js';
import { programs, repository, runProgram, Sandbox } from '../support/sandbox.js';
import { startTmux, tmuxRequirement, type Terminal } from '../support/tmux.js';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await Sandbox.create('eck-0123abcd');
});

afterEach(async () => {
  await sandbox.dispose();
});

/** Asks as a shell does. @returns the answer's lines; nothing but them may be printed */
async function complete(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const { status, stdout, stderr } = await sandbox.run(['__complete', ...words], { env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
}

function putCluster(clusterId: string, name: string, region = 'cn-beijing-7'): void {
  const { authority, apiServer } = sandbox;
  sandbox.ens.putCluster({ clusterId, name, region, authority, server: apiServer.url });
}

function listCalls(): number {
  return sandbox.ens.calls('DescribeClustersV1');
}

/** Profiles of the aliyun CLI, the first one the current one. */
async function writeProfiles(...profiles: Record<string, string>[]): Promise<void> {
  const { accessKeyId, accessKeySecret } = sandbox.identity;
  const written = profiles.map((profile) => ({
    mode: 'AK',
    access_key_id: accessKeyId,
    access_key_secret: accessKeySecret,
    ...profile,
  }));
  await sandbox.writeHome(
    '.aliyun/config.json',
    JSON.stringify({ current: profiles[0]?.['name'], profiles: written }),
  );
}

const noAccessKey = { ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined };

describe("the account's clusters", () => {
  test('are completed by id, and by name once one is begun', async () => {
    putCluster('eck-2222', 'edge two');
    expect(await complete(['get-credentials', ''])).toEqual([
      'eck-0123abcd\tcn-hangzhou-58',
      'eck-2222\tedge two, cn-beijing-7',
      ':4',
    ]);
    expect(await complete(['get-credentials', 'edge'])).toEqual(['edge two\teck-2222, cn-beijing-7', ':4']);
  });

  test('are asked for once a minute', async () => {
    await complete(['get-credentials', '']);
    await complete(['get-credentials', 'eck']);
    await complete(['list', '--region', '']);
    expect(listCalls()).toBe(1);
  });

  test('are left out where a command is about what is here', async () => {
    putCluster('eck-2222', 'edge two');
    await sandbox.run(['get-credentials', 'eck-2222', '--context', 'edge']);
    for (const command of ['status', 'refresh', 'logout', 'doctor']) {
      expect(await complete([command, ''])).toEqual(['eck-2222\tcontext edge', ':4']);
      expect(await complete([command, 'ed'])).toEqual(['edge\teck-2222', ':4']);
    }
    expect(listCalls()).toBe(0);
  });

  test('come from the last list, where that is not older than a minute', async () => {
    await sandbox.run(['list']);
    expect(await complete(['get-credentials', ''])).toContain('eck-0123abcd\tcn-hangzhou-58');
    expect(listCalls()).toBe(1);
    await ageLists(61_000);
    putCluster('eck-2222', 'new');
    expect(await complete(['get-credentials', ''])).toContain('eck-2222\tnew, cn-beijing-7');
    expect(listCalls()).toBe(2);
  });

  test('do not come from a list of some of them', async () => {
    putCluster('eck-2222', 'other');
    await sandbox.run(['list', '--name', 'other']);
    expect(await complete(['get-credentials', ''])).toHaveLength(3);
  });

  test('are remembered without anything that opens one, for this user alone', async () => {
    await complete(['get-credentials', '']);
    const directory = join(sandbox.home, '.kube/cache/kubectl-eck');
    const file = join(directory, (await listFiles())[0] ?? '');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, 'utf8');
    for (const secret of sandbox.ens.joinTokens) expect(text).not.toContain(secret);
    const { key, clusters } = JSON.parse(text) as Record<string, unknown>;
    expect(key).toBe(`${sandbox.ens.endpoint} access-key:${sandbox.identity.accessKeyId}`);
    expect(clusters).toEqual([{ clusterId: 'eck-0123abcd', name: 'eck-0123abcd', region: 'cn-hangzhou-58' }]);
    expect(await readdir(directory)).toEqual(expect.not.arrayContaining([expect.stringMatching(/\.\d+$/)]));
  });

  test('are those of whoever stands on the line already', async () => {
    const other = {
      accessKeyId: 'LTAI5tOther0000000000000',
      accessKeySecret: 'OtherSecret0001',
      name: 'other',
    };
    sandbox.ens.putIdentity(other);
    await writeProfiles(
      { name: 'work' },
      { name: 'other', access_key_id: other.accessKeyId, access_key_secret: other.accessKeySecret },
    );
    await complete(['get-credentials', '']);
    await complete(['get-credentials', '--profile', 'other', '']);
    await complete(['get-credentials', '--profile=work', '']);
    expect(sandbox.ens.log.map(({ accessKeyId }) => accessKeyId)).toEqual([
      sandbox.identity.accessKeyId,
      other.accessKeyId,
      sandbox.identity.accessKeyId,
    ]);
    await complete(['get-credentials', '--endpoint', 'http://127.0.0.1:1', '']);
    expect(listCalls()).toBe(3);
  });

  test("do not come from a list that is somebody else's", async () => {
    await complete(['get-credentials', '']);
    const file = join(sandbox.home, '.kube/cache/kubectl-eck', (await listFiles())[0] ?? '');
    const list = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...list, key: 'somebody else', clusters: [] }));
    expect(await complete(['get-credentials', ''])).toHaveLength(2);
    expect(listCalls()).toBe(2);
  });

  test('are offered by id alone where a shell could take the name for something else', async () => {
    for (const name of ['x$(touch pwned)', 'x`touch pwned`', 'x --endpoint evil', 'x;y']) {
      putCluster('eck-2222', name);
      await ageLists(61_000);
      expect(await complete(['get-credentials', ''])).toContain(`eck-2222\t${name}, cn-beijing-7`);
      expect(await complete(['get-credentials', 'x'])).toEqual([':4']);
    }
  });

  async function listFiles(): Promise<string[]> {
    const names = await readdir(join(sandbox.home, '.kube/cache/kubectl-eck')).catch(() => []);
    return names.filter((name) => /^clusters-\w+\.json$/.test(name));
  }

  /** Lets time go by for what is remembered. */
  async function ageLists(byMs: number): Promise<void> {
    for (const name of await listFiles()) {
      const file = join(sandbox.home, '.kube/cache/kubectl-eck', name);
      const list = JSON.parse(await readFile(file, 'utf8')) as { listedAt: string };
      const listedAt = new Date(new Date(list.listedAt).getTime() - byMs);
      await writeFile(file, JSON.stringify({ ...list, listedAt }));
    }
  }
});

describe('kept clusters', () => {
  test('are completed without the network', async () => {
    await sandbox.run(['get-credentials', 'eck-0123abcd', '--context', 'edge']);
    await sandbox.ens.stop();
    expect(await complete(['get-credentials', ''])).toEqual(['eck-0123abcd\tcontext edge', ':4']);
    expect(await complete(['get-credentials', '--context', ''])).toEqual(['edge\tcurrent context', ':4']);
  });

  test('are those of whoever stands on the line already', async () => {
    await writeProfiles({ name: 'work' });
    await sandbox.run(['get-credentials', 'eck-0123abcd']);
    await sandbox.ens.stop();
    expect(await complete(['get-credentials', '--profile', 'work', ''])).toEqual([':4']);
    expect(await complete(['get-credentials', '--endpoint', 'http://127.0.0.1:1', ''])).toEqual([':4']);
    expect(await complete(['get-credentials', '--endpoint', sandbox.ens.endpoint, ''])).toEqual([
      'eck-0123abcd',
      ':4',
    ]);
  });

  test('are completed without reading a kubeconfig that takes long to read', async () => {
    await sandbox.run(['get-credentials', 'eck-0123abcd', '--context', 'edge']);
    await sandbox.ens.stop();
    await writeFile(sandbox.kubeconfig, `# ${'x'.repeat(100_000)}\n`, { flag: 'a' });
    expect(await complete(['get-credentials', ''])).toEqual(['eck-0123abcd', ':4']);
  });

  test('are offered once where several are asked for', async () => {
    putCluster('eck-2222', 'two');
    await sandbox.run(['get-credentials', 'eck-0123abcd']);
    const [first, ...others] = await complete(['get-credentials', '']);
    expect(first).toBe('eck-0123abcd\tcn-hangzhou-58');
    expect(others.filter((line) => line.startsWith('eck-0123abcd'))).toEqual([]);
  });
});

describe('nothing is offered, and nothing is said', () => {
  const empty = [':4'];

  test.each<[string, readonly string[], NodeJS.ProcessEnv]>([
    ['nobody can sign in', ['get-credentials', ''], noAccessKey],
    ['the profile is not there', ['get-credentials', '--profile', 'nobody', ''], {}],
    ['a setting makes no sense', ['get-credentials', '--timeout', 'soon', ''], {}],
    [
      'a variable makes no sense',
      ['get-credentials', ''],
      { KUBECTL_ECK_SITE: 'mars', KUBECTL_ECK_ENDPOINT: '' },
    ],
    ['KUBECONFIG names no file', ['get-credentials', ''], { KUBECONFIG: ':', ...noAccessKey }],
    ['the kubeconfig is a directory', ['get-credentials', '--context', ''], { KUBECONFIG: '/' }],
    ['there are no profiles', ['list', '--profile', ''], {}],
    ['there is no such command', ['nonsense', ''], {}],
    ['there is no word at all', ['list', '--nonsense'], {}],
  ])('where %s', async (_, words, env) => {
    expect(await complete(words, env)).toEqual(empty);
  });

  test('where ENS says no', async () => {
    sandbox.ens.putIdentity({ ...sandbox.identity, allowedActions: [] });
    expect(await complete(['get-credentials', ''])).toEqual(empty);
  });

  test('where ENS does not answer, after two seconds at most, and once a minute', async () => {
    sandbox.ens.latencyMs = 60_000;
    const before = performance.now();
    expect(await complete(['get-credentials', ''])).toEqual(empty);
    expect(performance.now() - before).toBeLessThan(2500);
    expect(await complete(['get-credentials', ''])).toEqual(empty);
    expect(listCalls()).toBe(1);
  });

  test('where a program would have to be run to sign in', async () => {
    const { accessKeyId, accessKeySecret } = sandbox.identity;
    const answer = JSON.stringify({
      mode: 'AK',
      access_key_id: accessKeyId,
      access_key_secret: accessKeySecret,
    });
    const program = await sandbox.writeHome(
      'sign-in',
      `#!/bin/sh\ntouch "$HOME/was-run"\necho '${answer}'\n`,
    );
    await chmod(program, 0o700);
    await writeProfiles({ name: 'work', mode: 'External', process_command: `"${program}"` });
    expect(await complete(['get-credentials', ''], noAccessKey)).toEqual(empty);
    expect(await readdir(sandbox.home)).not.toContain('was-run');
    // It could be run, and does what it should where somebody wants it to.
    expect((await sandbox.run(['list', '-o', 'name'], { env: noAccessKey })).stdout).toBe('eck-0123abcd\n');
    expect(await readdir(sandbox.home)).toContain('was-run');
  });
});

describeWith([currentKubectl], `${currentKubectl.name} completes`, () => {
  test('the words after "kubectl eck" with the program beside kubectl-eck', async () => {
    const { kubectl } = currentKubectl;
    const { stdout } = await sandbox.kubectl(kubectl, ['__complete', 'eck', 'get-credentials', '']);
    expect(stdout).toBe('eck-0123abcd\tcn-hangzhou-58\n:4\n');
  });

  test('nothing where kubectl-eck cannot be run', async () => {
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

/** A shell that asks for completion as it does when somebody presses TAB. */
interface ShellCase {
  readonly shell: 'bash' | 'zsh' | 'fish';
  readonly requirement: Requirement;
  /** Writes what the shell reads when it starts. @returns how to start it */
  readonly set: (home: string) => Promise<readonly string[]>;
}

/** Of the package bash-completion, which kubectl's script for bash needs. */
const bashCompletion = '/usr/share/bash-completion/bash_completion';

const shellCases: readonly ShellCase[] = [
  {
    shell: 'bash',
    requirement: {
      name: 'bash with bash-completion',
      available: onPath('bash') && existsSync(bashCompletion),
    },
    async set(home) {
      const file = join(home, '.bashrc');
      await writeFile(
        file,
        [
          'PS1="ready> "',
          `source ${bashCompletion}`,
          'source <(kubectl completion bash)',
          'source <(kubectl-eck completion bash)',
          'bind "set show-all-if-ambiguous on"',
        ].join('\n'),
      );
      return ['bash', '--rcfile', file];
    },
  },
  {
    shell: 'zsh',
    requirement: { name: 'zsh', available: onPath('zsh') },
    async set(home) {
      await writeFile(
        join(home, '.zshrc'),
        [
          'PS1="ready> "',
          'autoload -U compinit; compinit -u -D',
          'setopt no_list_ambiguous',
          'source <(kubectl completion zsh)',
          'source <(kubectl-eck completion zsh)',
        ].join('\n'),
      );
      return ['zsh'];
    },
  },
  {
    shell: 'fish',
    requirement: { name: 'fish', available: onPath('fish') },
    async set(home) {
      const directory = join(home, '.config/fish');
      await mkdir(directory, { recursive: true });
      await writeFile(
        join(directory, 'config.fish'),
        [
          'function fish_prompt; echo "ready> "; end',
          'set fish_greeting',
          'set fish_autosuggestion_enabled 0',
          'kubectl completion fish | source',
          'kubectl-eck completion fish | source',
        ].join('\n'),
      );
      return ['fish'];
    },
  },
];

for (const { shell, requirement, set } of shellCases) {
  describeWith([currentKubectl, tmuxRequirement, requirement], `${shell} completes`, () => {
    let terminal: Terminal;

    beforeEach(async () => {
      putCluster('eck-2222', '杭州 边缘');
      putCluster('eck-2233', 'my cluster');
      await writeProfiles({ name: 'home base' });
      const bin = join(sandbox.directory, 'bin');
      await mkdir(bin);
      await symlink(currentKubectl.kubectl.path, join(bin, 'kubectl'));
      const environment = sandbox.environment();
      const command = await set(sandbox.home);
      terminal = await startTmux(
        command,
        {
          ...environment,
          PATH: `${bin}:${environment['PATH'] ?? ''}`,
        },
        sandbox.directory,
      );
      await terminal.waitFor(/^ready>$/m);
    }, 30_000);

    afterEach(async () => {
      await terminal.stop();
    });

    test.each(['kubectl eck', 'kubectl-eck'])(
      'commands, flags, values and clusters of %s',
      async (program) => {
        const lines: [typed: string, seen: RegExp][] = [
          ['', /get-credentials +(?:-- |\()fetch clusters.*\n(?:.*\n)*.*list +(?:-- |\()list the account/],
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
        for (const [typed, seen] of lines) {
          await terminal.type(`${program} ${typed}`, 'Tab');
          await terminal.waitFor(seen);
          await terminal.type('C-u', 'C-l');
          await terminal.waitFor(/^ready>\s*$/);
        }
      },
      90_000,
    );

    test('a program that is named by its path, and words in quotes, of which nothing is run', async () => {
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

describeWith([shellCases[1]?.requirement ?? tmuxRequirement], 'the script for zsh', () => {
  test('also works from a directory of fpath', async () => {
    const directory = join(sandbox.home, 'functions');
    await mkdir(directory);
    const { stdout } = await sandbox.run(['completion', 'zsh']);
    await writeFile(join(directory, '_kubectl-eck'), stdout);
    const script = [
      `fpath=(${JSON.stringify(directory)} $fpath)`,
      'autoload -U compinit; compinit -u -D',
      'print -r -- $_comps[kubectl-eck]',
    ].join('; ');
    const zsh = await runProgram('zsh', ['-f', '-c', script], {
      env: sandbox.environment(),
      timeoutMs: 20_000,
    });
    expect(zsh).toEqual({ status: 0, stdout: '_kubectl-eck\n', stderr: '' });
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'].filter(onPath))(
    'loads in %s without starting a process',
    async (shell) => {
      const { stdout } = await sandbox.run(['completion', shell]);
      const file = await sandbox.writeHome('script', stdout);
      // No program is found there.
      const loaded = await runProgram(
        `/usr/bin/${shell}`,
        [
          ...(shell === 'zsh' ? ['-f'] : shell === 'fish' ? ['--no-config'] : ['--norc']),
          '-c',
          `. '${file}'`,
        ],
        { env: { HOME: sandbox.home, PATH: '/nonexistent' }, timeoutMs: 20_000 },
      );
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
    const refused = await sandbox.run(['completion', 'tcsh']);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toBe(
      'kubectl-eck: SHELL "tcsh" is not one of bash, zsh, fish, powershell [usage]\n',
    );
  });

  test('works the same in the program for Node.js', async () => {
    for (const args of [
      ['completion', 'bash'],
      ['__complete', 'list', '-o', ''],
    ]) {
      const [standalone, node] = [await sandbox.run(args), await sandbox.run(args, { program: 'node' })];
      expect(node).toEqual(standalone);
      expect(standalone.stdout.length).toBeGreaterThan(10);
    }
  });
});

test('kubectl_complete-eck is beside the built program', async () => {
  expect((await stat(join(programs.standalone, '../kubectl_complete-eck'))).mode & 0o111).toBe(0o111);
});
