import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from './on-path.js';
import type { Requirement } from './requirements.js';

/** A way to run an executable that is made for another machine than this one. */
export interface Emulator {
  readonly requirement: Requirement;
  /** Comes before the executable on the command line. */
  readonly argv: readonly [string, ...string[]] | readonly [];
}

/** This machine itself, where it is Linux on amd64 with glibc. */
export const native: Emulator = {
  requirement: {
    name: 'Linux on amd64 with glibc',
    available:
      process.platform === 'linux' && process.arch === 'x64' && existsSync('/lib64/ld-linux-x86-64.so.2'),
  },
  argv: [],
};

/** A processor of 2008, which has neither AVX nor AVX2. */
export const withoutAvx: Emulator = emulator('qemu-x86_64 -cpu Nehalem');

/** 64-bit ARM, with the glibc of Debian's cross compilers. */
export const arm64: Emulator = emulator('qemu-aarch64', '/usr/aarch64-linux-gnu');

/**
 * Systems whose C library is musl. `KUBECTL_ECK_TEST_MUSL` names the directory in which `.ci/run` made them, where it
 * could have Alpine's C++ library.
 */
export const muslAmd64: Emulator = musl('qemu-x86_64 -cpu Nehalem', 'amd64');
export const muslArm64: Emulator = musl('qemu-aarch64', 'arm64');

function musl(command: string, arch: string): Emulator {
  const root = join(process.env['KUBECTL_ECK_TEST_MUSL'] ?? '/nonexistent/musl', arch);
  const { requirement, argv } = emulator(command, root);
  return { requirement: { ...requirement, name: "Alpine's libraries", isOptional: true }, argv };
}

/** @param root a directory in which the libraries of that machine lie as they do there */
function emulator(command: string, root?: string): Emulator {
  const [program = '', ...options] = command.split(' ');
  return {
    requirement: {
      name: root === undefined ? program : `${program} and the libraries in ${root}`,
      available: onPath(program) && (root === undefined || existsSync(root)),
    },
    argv: [program, ...options, ...(root === undefined ? [] : ['-L', root])],
  };
}
