/** An operating system, a processor and a C library that an archive is made for. */
export interface Platform {
  /** As in the archive's name: the operating system and the processor in Go's words, which are krew's too. */
  readonly name: string;
  readonly os: 'linux' | 'darwin' | 'windows';
  readonly arch: 'amd64' | 'arm64';
  /** Where it is not the usual one of the operating system. krew cannot tell these systems apart. */
  readonly libc?: 'musl';
  /** What Bun's compiler calls it. */
  readonly bunTarget: string;
  /** The npm package that carries Bun's runtime. Those for x64 need neither AVX nor anything newer. */
  readonly runtimePackage: string;
  /** The npm package that carries the keychain addon. */
  readonly addonPackage: string;
}

/** Every platform that a release has an archive for. */
export const platforms: readonly Platform[] = [
  {
    name: 'linux_amd64',
    os: 'linux',
    arch: 'amd64',
    bunTarget: 'bun-linux-x64',
    runtimePackage: '@oven/bun-linux-x64',
    addonPackage: '@napi-rs/keyring-linux-x64-gnu',
  },
  {
    name: 'linux_arm64',
    os: 'linux',
    arch: 'arm64',
    bunTarget: 'bun-linux-arm64',
    runtimePackage: '@oven/bun-linux-aarch64',
    addonPackage: '@napi-rs/keyring-linux-arm64-gnu',
  },
  {
    name: 'linux_amd64_musl',
    os: 'linux',
    arch: 'amd64',
    libc: 'musl',
    bunTarget: 'bun-linux-x64-musl',
    runtimePackage: '@oven/bun-linux-x64-musl',
    addonPackage: '@napi-rs/keyring-linux-x64-musl',
  },
  {
    name: 'linux_arm64_musl',
    os: 'linux',
    arch: 'arm64',
    libc: 'musl',
    bunTarget: 'bun-linux-arm64-musl',
    runtimePackage: '@oven/bun-linux-aarch64-musl',
    addonPackage: '@napi-rs/keyring-linux-arm64-musl',
  },
  {
    name: 'darwin_amd64',
    os: 'darwin',
    arch: 'amd64',
    bunTarget: 'bun-darwin-x64',
    runtimePackage: '@oven/bun-darwin-x64',
    addonPackage: '@napi-rs/keyring-darwin-x64',
  },
  {
    name: 'darwin_arm64',
    os: 'darwin',
    arch: 'arm64',
    bunTarget: 'bun-darwin-arm64',
    runtimePackage: '@oven/bun-darwin-aarch64',
    addonPackage: '@napi-rs/keyring-darwin-arm64',
  },
  {
    name: 'windows_amd64',
    os: 'windows',
    arch: 'amd64',
    bunTarget: 'bun-windows-x64',
    runtimePackage: '@oven/bun-windows-x64',
    addonPackage: '@napi-rs/keyring-win32-x64-msvc',
  },
  {
    name: 'windows_arm64',
    os: 'windows',
    arch: 'arm64',
    bunTarget: 'bun-windows-arm64',
    runtimePackage: '@oven/bun-windows-aarch64',
    addonPackage: '@napi-rs/keyring-win32-arm64-msvc',
  },
];

/** What the executable is called there. */
export function executableName(os: Platform['os']): string {
  return os === 'windows' ? 'kubectl-eck.exe' : 'kubectl-eck';
}

/** What kubectl looks for there to complete `kubectl eck …`, and what it is called in `plugin/`. */
export function completionName(os: Platform['os']): string {
  return os === 'windows' ? 'kubectl_complete-eck.cmd' : 'kubectl_complete-eck';
}

/** What the archive of a release is called: the name that krew's users see in a URL. */
export function archiveName({ name, os }: Platform, version: string): string {
  return `kubectl-eck_v${version}_${name}.${os === 'windows' ? 'zip' : 'tar.gz'}`;
}
