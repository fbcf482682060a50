/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '\\.[jt]s$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  // These packages are ES modules, which jest cannot require as they are.
  transformIgnorePatterns: [
    '/node_modules/(?!(?:[a-z-]*proxy-agent[a-z-]*|agent-base|fast-string-[a-z-]*|fast-wrap-ansi|@clack/[a-z]*|p-queue|p-timeout)/)',
  ],
  // Sources import each other by the names that the compiled files have.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  globalSetup: '<rootDir>/test/support/suite-begins.mjs',
  globalTeardown: '<rootDir>/test/support/suite-ends.mjs',
  testTimeout: 60_000,
};
