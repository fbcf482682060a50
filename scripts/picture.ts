// Makes docs/demo.svg, the picture of the README, from a real run in a terminal against the doubles of the tests.
// With --check it only fails if the commands now print something else. Needs tmux, kubectl and gnome-keyring.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { currentKubectl } from '../test/support/kubectl.js';
import { programs, repository, Sandbox } from '../test/support/sandbox.js';
import { startSecretService } from '../test/support/secret-service.js';
import { startTmux } from '../test/support/tmux.js';

interface Frame {
  readonly lines: readonly string[];
  readonly seconds: number;
}

const columns = 110;
const rows = 18;
const cell = { width: 8.4, height: 19 };
const margin = 16;
const file = join(repository, 'docs', 'demo.svg');
const picture = draw(await record());

if (!process.argv.includes('--check')) {
  writeFileSync(file, picture);
} else if (withoutTimes(readFileSync(file, 'utf8')) !== withoutTimes(picture)) {
  console.error('docs/demo.svg is out of date: run "npx tsx scripts/picture.ts"');
  process.exitCode = 1;
}

/** Picks a cluster, uses it, and looks for a key in the kubeconfig. */
async function record(): Promise<Frame[]> {
  const keychain = await startSecretService();
  const sandbox = await Sandbox.create('eck-0123abcd');
  const { ens, apiServer, authority, identity } = sandbox;
  const names = {
    'eck-0123abcd': 'shop-hangzhou',
    'eck-4567cdef': 'shop-chengdu',
    'eck-89ab0123': 'factory-ningbo',
  };
  for (const [clusterId, name] of Object.entries(names)) {
    ens.putCluster({ clusterId, name, authority, server: apiServer.url });
  }
  const key = { access_key_id: identity.accessKeyId, access_key_secret: identity.accessKeySecret };
  const profile = { name: 'work', mode: 'AK', region_id: 'cn-hangzhou', ...key };
  await sandbox.writeHome('.aliyun/config.json', JSON.stringify({ current: 'work', profiles: [profile] }));
  const path = [dirname(currentKubectl.kubectl.path), dirname(programs.standalone), '/usr/bin', '/bin'];
  const env = sandbox.environment({
    ...{
      ...keychain.environment,
      PATH: path.join(':'),
      PS1: '$ ',
      HISTFILE: '/dev/null',
      KUBECTL_ECK_STORE: undefined,
    },
    ...{ ALIBABA_CLOUD_ACCESS_KEY_ID: undefined, ALIBABA_CLOUD_ACCESS_KEY_SECRET: undefined },
  });
  const shell = ['bash', '--norc', '--noprofile'];
  const terminal = await startTmux(shell, env, sandbox.home, columns);
  const frames: Frame[] = [];
  const show = async (pattern: RegExp, seconds: number): Promise<void> => {
    await terminal.waitFor(pattern);
    // Joined lines, since the path of the sandbox is longer than that of a person.
    const screen = (await terminal.screen('-e', '-J')).replaceAll(sandbox.home, '/home/you');
    frames.push({ lines: screen.trimEnd().split('\n'), seconds });
  };
  const run = async (command: string, output: RegExp, seconds: number): Promise<void> => {
    await terminal.type('-l', command);
    await show(new RegExp(`\\$ ${command.replace(/[.]/g, '\\.')}$`, 'm'), 1.2);
    await terminal.type('Enter');
    await show(output, seconds);
  };
  try {
    await show(/^\$ *$/m, 0.8);
    await run('kubectl eck login', /factory-ningbo/, 2);
    await terminal.type('-l', 'shop-h');
    await show(/1 match/, 1.6);
    await terminal.type('Enter');
    await show(/Try: [^]*\$\s*$/, 4);
    await run('kubectl get nodes', /node-2[^]*\$\s*$/, 3);
    await run('kubectl eck status', / ok\n[^]*\$\s*$/, 3);
    await run('grep -c client-key ~/.kube/config', /^0\n\$ *$/m, 5);
    return frames;
  } finally {
    await terminal.stop();
    await sandbox.dispose();
    await keychain.stop();
  }
}

function withoutTimes(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d|\d+s ago|in \dy\d+d/g, 'TIME');
}

/** One group for each frame. Without animations, the last one is shown. */
function draw(frames: readonly Frame[]): string {
  const total = frames.reduce((sum, { seconds }) => sum + seconds, 0);
  const percent = (seconds: number): string => `${((seconds / total) * 100).toFixed(1)}%`;
  const width = Math.ceil(columns * cell.width + 2 * margin);
  const height = rows * cell.height + 2 * margin;
  let end = 0;
  const animations = frames.map(({ seconds }, index) => {
    const start = end;
    end += seconds;
    const before = index === 0 ? '' : '0%{opacity:0}';
    const after = index === frames.length - 1 ? '' : `${percent(end)},100%{opacity:0}`;
    const name = `f${String(index)}`;
    return `@keyframes ${name}{${before}${percent(start)}{opacity:1}${after}}#${name}{animation-name:${name}}`;
  });
  const groups = frames.map(({ lines }, index) => `<g id="f${String(index)}">${drawLines(lines)}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" role="img">
<title>kubectl eck login picks a cluster, kubectl get nodes reaches it, and the kubeconfig has no key</title>
<style>
text{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dee9;white-space:pre}
.b{font-weight:bold}.d{opacity:.6}.u{text-decoration:underline}
.c1{fill:#ff7b72}.c2{fill:#7ee787}.c3{fill:#e3b341}.c4{fill:#79c0ff}.c5{fill:#d2a8ff}.c6{fill:#76e3ea}
g{opacity:0;animation:${total.toFixed(1)}s step-end infinite}g:last-of-type{opacity:1}
${animations.join('\n')}
@media (prefers-reduced-motion:reduce){g{animation:none}}
</style>
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
${groups.join('\n')}
</svg>
`;
}

/** Lines with the terminal's colours as positioned texts. The last line has the cursor. */
function drawLines(lines: readonly string[]): string {
  const texts: string[] = [];
  let row = 0;
  for (const line of lines) {
    let column = 0;
    let style: readonly string[] = [];
    for (const [, sgr, text = ''] of line.matchAll(/\p{Cc}\[([\d;]*)m|(\P{Cc}+)/gu)) {
      if (sgr !== undefined) style = styleAfter(style, sgr);
      // A text that is longer than the line goes on in the next one, as in a terminal.
      for (let rest = Array.from(text); rest.length > 0;) {
        if (column === columns) [column, row] = [0, row + 1];
        const part = rest.slice(0, columns - column);
        rest = rest.slice(part.length);
        const words = part.join('');
        if (words.trim() !== '') {
          const x = (margin + column * cell.width).toFixed(1).replace('.0', '');
          const y = margin + (row + 1) * cell.height - 5;
          const type = style.length > 0 ? ` class="${style.join(' ')}"` : '';
          texts.push(`<text x="${x}" y="${String(y)}"${type}>${escaped(words.trimEnd())}</text>`);
        }
        column += part.length;
      }
    }
    row += 1;
  }
  return texts.join('');
}

function styleAfter(style: readonly string[], sgr: string): string[] {
  const classes: Readonly<Record<string, string>> = { 1: 'b', 2: 'd', 4: 'u' };
  let now = [...style];
  for (const code of sgr.split(';')) {
    if (/^0?$/.test(code)) now = [];
    else if (/^[39]\d$/.test(code)) {
      now = now.filter((name) => !name.startsWith('c'));
      if (code === '90') now.push('d');
      else if (/[1-6]$/.test(code)) now.push(`c${code.slice(1)}`);
    } else if (classes[code] !== undefined) now.push(classes[code]);
  }
  return now;
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
