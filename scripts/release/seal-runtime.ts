/** Names, and beginnings of names, that the executable for each platform contains. */
const names = [
  // Bun, its JavaScript engine and its memory allocators.
  ...['BUN_(?=[A-Z]{2})', 'IS_BUN_AUTO_UPDATE', 'JSC_(?=[A-Za-z])', 'JavaScriptCoreUseJIT', 'mimalloc'],
  ...['WTF_numberOfProcessorCores', 'WebKitMallocForceEnabled', 'WebKitSystemHeapOverrideEnablement'],
  ...['(?<=\\0)Malloc(?=[A-Z]\\w*\\0)', 'HYPERFINE_RANDOMIZED_ENVIRONMENT_OFFSET'],
  // Node.js.
  ...['NODE_CHANNEL_', 'NODE_COMPILE_CACHE', 'NODE_DEBUG_NATIVE', 'NODE_DISABLE_COMPILE_CACHE', 'NODE_PATH'],
  ...['NODE_PENDING_DEPRECATION', 'NODE_PRESERVE_SYMLINKS', 'NODE_REDIRECT_WARNINGS', 'NODE_UNIQUE_ID'],
  'NODE_TLS_REJECT_UNAUTHORIZED',
  // Libraries.
  ...['CARES_HOSTS', 'HOSTALIASES', 'LOCALDOMAIN', 'RES_OPTIONS', 'LSQUIC_LOG_SECRETS', 'LSQUIC_NULL_TOKGEN'],
  ...['GOMAXPROCS', 'JPEGMEM', 'UV_THREADPOOL_SIZE'],
];

/** Names that only some platforms have; on Windows, some are in UTF-16. */
const platformNames = [
  ...['C_INCLUDE_PATH', 'LIBRARY_PATH', 'ICU_(?=[A-Z]+\\w*\\0)', 'JSIMD_(?=\\w+\\0)', 'SQLITE_TMPDIR'],
  ...['OPENSSL_(?=\\w+cap)', 'SIMDUTF_FORCE_IMPLEMENTATION', '(?:_\\0)?B\\0U\\0N\\0_\\0'],
];

/**
 * Makes Bun's executable ignore the variables by which code, files or options come from outside: overwrites the first
 * byte of each name with one that no variable's name contains. docs/security.md says why.
 *
 * @throws Error if a name is not where it was: then Bun may read it in another way
 */
export function sealRuntime(runtime: Buffer): Buffer {
  const sealed = Buffer.from(runtime);
  const text = runtime.toString('latin1');
  // On macOS `getenv("")` finds a variable that begins with `=`. No kubeconfig contains 0xff, which is not UTF-8.
  const unmatched = runtime.readUInt32LE(0) === 0xfeedfacf ? 0xff : 0;
  for (const name of [...names, ...platformNames]) {
    // After a point, it is a property that the bundler replaces.
    const found = [...text.matchAll(new RegExp(`(?<!\\.)${name}`, 'g'))]
      .map(({ index }) => index)
      .filter((position) => !isInScript(text, position));
    if (found.length === 0 && !platformNames.includes(name)) throw new Error(`Bun does not contain ${name}`);
    for (const position of found) sealed[position] = unmatched;
  }
  return withEngineOptions(sealed, false);
}

/**
 * Bun passes variables `BUN_JSC_…` to its JavaScript engine, and compares each byte of the prefix in its code. Without
 * engine options, the second comparison is of the first byte, which cannot be both `B` and `U`.
 */
export function withEngineOptions(runtime: Buffer, areRead: boolean): Buffer {
  const text = runtime.toString('latin1');
  const [from, to] = areRead ? [0, 1] : [1, 0];
  const found = [x64Comparison, arm64Comparison].flatMap(({ instruction, branch, scale }) => {
    const instructions = Array.from('BUN_JSC_', (letter, at) =>
      instruction(letter.charCodeAt(0), at === 1 ? from : at, at === 0),
    );
    return [...text.matchAll(new RegExp(instructions.join(branch), 'dg'))].map(({ indices }) => ({
      position: indices?.[1]?.[0] ?? 0,
      change: (to - from) * scale,
    }));
  });
  const [match] = found;
  if (match === undefined || found.length > 1) throw new Error('Bun reads BUN_JSC_ in another way');
  const changed = Buffer.from(runtime);
  changed.writeUInt8(changed.readUInt8(match.position) + match.change, match.position);
  return changed;
}

/** cmp byte [register + offset], letter; jne */
const x64Comparison = {
  instruction: (letter: number, offset: number, isFirst: boolean) =>
    isFirst ? `\\x80[\\x38-\\x3f]${hex(letter)}` : `\\x80[\\x78-\\x7f](${hex(offset)})${hex(letter)}`,
  branch: '[^]{2,3}',
  scale: 1,
};

/** ldrb w, [register, offset]; cmp w, letter; b.ne. The lowest two bits of the immediates' byte are of a register. */
const arm64Comparison = {
  instruction: (letter: number, offset: number, isFirst: boolean) =>
    `${isFirst ? '' : `[^](${immediate(offset)})\\x40\\x39`}[^]${immediate(letter)}\\x01\\x71`,
  branch: '[^]{3}\\x54',
  scale: 4,
};

function immediate(value: number): string {
  const byte = (value << 2) & 0xff;
  return `[${hex(byte)}-${hex(byte + 3)}]`;
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** Whether the position is in one of Bun's own scripts, in which NUL would be a syntax error. */
function isInScript(text: string, position: number): boolean {
  const start = text.lastIndexOf('\0', position) + 1;
  return /^\((?:async )?function/.test(text.slice(start, start + 20));
}
