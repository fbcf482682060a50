declare const KUBECTL_ECK_VERSION: string | undefined;
declare const KUBECTL_ECK_COMMIT: string | undefined;
declare const KUBECTL_ECK_BUILD_DATE: string | undefined;

/** This release, as the build defines it. */
export const release = {
  version: typeof KUBECTL_ECK_VERSION === 'undefined' ? '0.0.0-source' : KUBECTL_ECK_VERSION,
  /** Ends in `-dirty` if the sources had been changed. */
  commit: typeof KUBECTL_ECK_COMMIT === 'undefined' ? undefined : KUBECTL_ECK_COMMIT,
  /** The commit's date, as RFC 3339. */
  buildDate: typeof KUBECTL_ECK_BUILD_DATE === 'undefined' ? undefined : KUBECTL_ECK_BUILD_DATE,
};

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type StandardStream = 'stdin' | 'stdout' | 'stderr';

/** What the program depends on outside of itself, passed in so that rules can be tested without it. */
export interface World {
  readonly environment: Environment;
  readonly platform: NodeJS.Platform;
  homeDirectory(): string;
  now(): Date;
  /** Whether the stream is a TTY. */
  isTerminal(stream: StandardStream): boolean;
  /** Prints one line on standard error. */
  warn(message: string): void;
  /** Prints one line on standard error with `KUBECTL_ECK_LOG=debug`. It must not contain secrets either. */
  debug(message: string): void;
}

/** Whether a stream may be coloured: it is a TTY, and neither `NO_COLOR` (https://no-color.org) nor `TERM=dumb` is set. */
export function mayColour(stream: StandardStream, world: Pick<World, 'environment' | 'isTerminal'>): boolean {
  return world.isTerminal(stream) && !world.environment['NO_COLOR'] && world.environment['TERM'] !== 'dumb';
}
