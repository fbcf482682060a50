import type { Environment } from './identity/identity.js';

/** What the program depends on outside of itself, handed in so that a rule can be tested without it. */
export interface World {
  readonly environment: Environment;
  readonly platform: NodeJS.Platform;
  homeDirectory(): string;
  now(): Date;
  /** One line for the person, on standard error. */
  warn(message: string): void;
}
