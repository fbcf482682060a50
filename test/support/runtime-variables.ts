import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './sandbox.js';

/** Bun as its makers release it. */
export const bun = join(repository, 'node_modules/bun/bin/bun.exe');

/**
 * What the sealed runtime still asks `getenv` for: nothing that loads code, opens a port, or names a file that is
 * written. Before you add a name that an update of Bun brings, look up what it does.
 */
export const readVariables = words(`
  AC_APPCIRCLE AGENT AGOLA_GIT_REF ANDROID_ROOT APPVEYOR BUILD_ID BUILD_NUMBER CI CI_APP_ID CI_COMMIT_SHA CI_JOB_URL
  CLAUDECODE CLAUDE_CODE_AGENT_RULE_DISABLED CODEBUILD_BUILD_ARN COLORFGBG COLORTERM COLUMNS
  CURSOR_AGENT_RULE_DISABLED CURSOR_TRACE_ID DO_NOT_TRACK DYLD_INSERT_LIBRARIES FORCE_COLOR GHOSTTY_RESOURCES_DIR
  GITHUB_ACTIONS GITHUB_REPOSITORY GITHUB_RUN_ID GITHUB_SERVER_URL GITHUB_SHA GITHUB_WORKSPACE GIT_SHA HOME
  KITTY_WINDOW_ID LANG LC_ALL LC_MESSAGES Malloc NODE_EXTRA_CA_CERTS NODE_NO_WARNINGS NODE_USE_SYSTEM_CA NO_COLOR PATH
  PWD REPL_ID RUNNER_DEBUG SHELL SSL_CERT_DIR SSL_CERT_FILE TEMP TERM TERM_PROGRAM TMP TMPDIR TMUX TZ USER
  XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME ZDOTDIR fpath npm_lifecycle_event npm_package_json`);

/** What Bun's own scripts read: colours, proxies, certificates, and options of modules that kubectl-eck does not load. */
export const scriptVariables = words(`
  BUN_DISABLE_DYNAMIC_CHUNK_SIZE BUN_FEATURE_FLAG_VERBOSE_WARNINGS BUN_INSPECT_NOTIFY BUN_PORT CI_NAME COLORTERM
  FORCE_COLOR HOME HTTPS_PROXY HTTP_PROXY NODE_CHANNEL_FD NODE_CLUSTER_SCHED_POLICY NODE_DEBUG NODE_DISABLE_COLORS
  NODE_ENV NODE_EXTRA_CA_CERTS NODE_NO_READLINE NODE_PATH NODE_PORT NODE_REPL_HISTORY NODE_REPL_HISTORY_SIZE
  NODE_REPL_MODE NODE_TEST_CONTEXT NODE_TEST_WORKER_ID NODE_TLS_REJECT_UNAUTHORIZED NODE_UNIQUE_ID NODE_USE_ENV_PROXY
  NODE_USE_SYSTEM_CA NO_COLOR NO_PROXY PORT TEAMCITY_VERSION TEMP TERM TERM_PROGRAM TERM_PROGRAM_VERSION TMP TMPDIR TMUX
  __MINIMATCH_TESTING_PLATFORM__ http_proxy https_proxy no_proxy`);

/** The variables that must have no effect: what Bun reads besides those, and some of Node.js and libraries. */
export function sealedVariables(): string[] {
  const runtime = readFileSync(bun);
  const { constants } = textsOf(runtime);
  const prefix = '(?:BUN|NODE|JSC|ICU)_';
  // A name may begin where another one ends.
  const patterns = [`(?<![\\w.])${prefix}\\w+`, `(?<!\\.)${prefix}\\w+?(?=${prefix}|NPM_|npm_|\\W)`];
  const found = patterns.flatMap((pattern) => [...constants.matchAll(new RegExp(pattern, 'g'))]);
  const names = new Set([...getenvNames(runtime), ...found.map(([name]) => name)]);
  const engineOptions = [...names].filter((name) => /^JSC_[a-z]/.test(name)).map((name) => `BUN_${name}`);
  for (const name of scriptVariables) if (/^(?:BUN|NODE)_/.test(name)) names.add(name);
  for (const name of readVariables) names.delete(name);
  const others = words('NODE_OPTIONS NODE_V8_COVERAGE NODE_ICU_DATA OPENSSL_CONF SSLKEYLOGFILE');
  const allocator = words('MIMALLOC_VERBOSE MIMALLOC_SHOW_STATS MIMALLOC_SHOW_ERRORS');
  return [...names, ...engineOptions, ...others, ...allocator];
}

/** The names with which an executable for Linux on amd64 calls `getenv`, sorted. */
export function getenvNames(elf: Buffer): string[] {
  const [constants, code] = loadedSegments(elf);
  const calls = new Map<number, Set<string>>();
  const text = code.bytes;
  // `call FUNCTION`. The constant that was last moved to edi is the first argument.
  for (let call = text.indexOf(0xe8); call >= 0 && call < text.length - 5; call = text.indexOf(0xe8, call + 1)) {
    for (let load = call - 5; load > call - 40 && load >= 0; load -= 1) {
      const start = text[load] === 0xbf ? text.readUInt32LE(load + 1) - constants.address : -1;
      if (start < 0 || start >= constants.bytes.length) continue;
      const argument = constants.bytes.toString('latin1', start, constants.bytes.indexOf(0, start));
      const target = call + 5 + text.readInt32LE(call + 1);
      if (/^\w+$/.test(argument)) calls.set(target, (calls.get(target) ?? new Set()).add(argument));
      break;
    }
  }
  const ofGetenv = [...calls.values()].filter((names) => names.has('LC_ALL') && names.has('HOME'));
  if (ofGetenv.length !== 1) throw new Error('getenv is called in another way');
  return [...(ofGetenv[0] ?? [])].sort();
}

/** The strings of Bun for Linux, and its own scripts, which follow them. */
export function textsOf(elf: Buffer): { readonly constants: string; readonly scripts: string } {
  const { bytes } = loadedSegments(elf)[0];
  const end = bytes.indexOf('BUNBLTNS');
  return { constants: bytes.toString('latin1', 0, end), scripts: bytes.toString('latin1', end) };
}

interface Segment {
  readonly address: number;
  readonly bytes: Buffer;
}

/** The read-only data and the code of an executable for Linux: the first two segments that are loaded. */
function loadedSegments(elf: Buffer): [Segment, Segment] {
  const headers = Array.from({ length: elf.readUInt16LE(0x38) }, (_, index) => elf.subarray(64 + index * 56));
  const [data, code] = headers
    .filter((header) => header.readUInt32LE(0) === 1)
    .map((header) => {
      const [offset = 0, address = 0, , size = 0] = [8, 16, 24, 32].map((at) => Number(header.readBigUInt64LE(at)));
      return { address, bytes: elf.subarray(offset, offset + size) };
    });
  if (data === undefined || code === undefined) throw new Error('this is no executable for Linux');
  return [data, code];
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
