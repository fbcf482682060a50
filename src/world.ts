import type { Environment } from './identity/identity.js';

/** What the program depends on outside of itself, handed in so that a rule can be tested without it. */
export interface World {
  readonly environment: Environment;
  readonly platform: NodeJS.Platform;
  homeDirectory(): string;
  now(): Date;
  /** Whether a person sees what goes to standard error as it is written. */
  isTerminal(): boolean;
  /** One line for the person, on standard error. */
  warn(message: string): void;
  /** One line for whoever looks for a fault, with `KUBECTL_ECK_LOG=debug`. It must hold no secret either. */
  debug(message: string): void;
}
