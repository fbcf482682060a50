/** A platform that has an archive, in the words of krew and Go. */
export interface Platform {
  readonly name: string;
  readonly os: 'linux' | 'darwin' | 'windows';
  readonly arch: 'amd64' | 'arm64';
  /** krew cannot choose by C library. */
  readonly libc: 'musl' | undefined;
  /** The name for Bun's compiler. */
  readonly bunTarget: string;
  /** The npm packages with Bun's runtime (the x64 ones need no AVX) and with the keychain addon. */
  readonly runtimePackage: string;
  readonly addonPackage: string;
}

/** Operating system, processor, Bun's target, the ends of the packages' names, C library. */
const table: readonly (readonly [Platform['os'], Platform['arch'], string, string, string, 'musl'?])[] = [
  ['linux', 'amd64', 'linux-x64', 'linux-x64', 'linux-x64-gnu'],
  ['linux', 'arm64', 'linux-arm64', 'linux-aarch64', 'linux-arm64-gnu'],
  ['linux', 'amd64', 'linux-x64-musl', 'linux-x64-musl', 'linux-x64-musl', 'musl'],
  ['linux', 'arm64', 'linux-arm64-musl', 'linux-aarch64-musl', 'linux-arm64-musl', 'musl'],
  ['darwin', 'amd64', 'darwin-x64', 'darwin-x64', 'darwin-x64'],
  ['darwin', 'arm64', 'darwin-arm64', 'darwin-aarch64', 'darwin-arm64'],
  ['windows', 'amd64', 'windows-x64', 'windows-x64', 'win32-x64-msvc'],
  ['windows', 'arm64', 'windows-arm64', 'windows-aarch64', 'win32-arm64-msvc'],
];

export const platforms: readonly Platform[] = table.map(([os, arch, target, runtime, addon, libc]) => ({
  name: [os, arch, libc].filter((part) => part !== undefined).join('_'),
  os,
  arch,
  libc,
  bunTarget: `bun-${target}`,
  runtimePackage: `@oven/bun-${runtime}`,
  addonPackage: `@napi-rs/keyring-${addon}`,
}));

export function executableName(os: string): string {
  return os === 'windows' ? 'kubectl-eck.exe' : 'kubectl-eck';
}

/** The program that kubectl runs to complete `kubectl eck …`. */
export function completionName(os: string): string {
  return os === 'windows' ? 'kubectl_complete-eck.cmd' : 'kubectl_complete-eck';
}

export function archiveName({ name, os }: Platform, version: string): string {
  return `kubectl-eck_v${version}_${name}.${os === 'windows' ? 'zip' : 'tar.gz'}`;
}
