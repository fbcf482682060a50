import type { Environment } from './identity/identity.js';

export type StandardStream = 'stdin' | 'stdout' | 'stderr';

/** What the program depends on outside of itself, handed in so that a rule can be tested without it. */
export interface World {
  readonly environment: Environment;
  readonly platform: NodeJS.Platform;
  homeDirectory(): string;
  now(): Date;
  /** Whether it is a person at a terminal who types there, or sees what goes there as it is written. */
  isTerminal(stream: StandardStream): boolean;
  /** One line for the person, on standard error. */
  warn(message: string): void;
  /** One line for whoever looks for a fault, with `KUBECTL_ECK_LOG=debug`. It must hold no secret either. */
  debug(message: string): void;
}
