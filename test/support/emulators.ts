import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';

/** A way to run an executable of another machine. */
export interface Emulator {
  readonly requirement: Requirement;
  /** Comes before the executable on the command line. */
  readonly argv: readonly [string, ...string[]] | readonly [];
}

export const native: Emulator = {
  requirement: {
    name: 'Linux on amd64 with glibc',
    available: process.arch === 'x64' && existsSync('/lib64/ld-linux-x86-64.so.2'),
  },
  argv: [],
};

/** A processor of 2008, without AVX and AVX2. */
export const withoutAvx: Emulator = emulator(['qemu-x86_64', '-cpu', 'Nehalem']);

/** 64-bit ARM, with the glibc of Debian's cross compilers. */
export const arm64: Emulator = emulator(['qemu-aarch64'], '/usr/aarch64-linux-gnu');

export const muslAmd64: Emulator = musl(['qemu-x86_64', '-cpu', 'Nehalem'], 'amd64');
export const muslArm64: Emulator = musl(['qemu-aarch64'], 'arm64');

/** Libraries that `.ci/provide-musl` makes. */
function musl(command: Command, arch: string): Emulator {
  const root = join(process.env['KUBECTL_ECK_TEST_MUSL'] ?? '/nonexistent', arch);
  const { requirement, argv } = emulator(command, root);
  return { requirement: { ...requirement, name: "Alpine's libraries", isOptional: true }, argv };
}

type Command = readonly [string, ...string[]];

function emulator(command: Command, root = '/'): Emulator {
  return {
    requirement: { name: `${command[0]} and ${root}`, available: onPath(command[0]) && existsSync(root) },
    argv: [...command, '-L', root],
  };
}
