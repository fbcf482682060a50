const common = {
  testEnvironment: 'node',
  transform: {
    '\\.[jt]s$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  // jest cannot require these packages, which are ES modules.
  transformIgnorePatterns: [
    '/node_modules/(?!(?:[a-z-]*proxy-agent[a-z-]*|agent-base|fast-string-[a-z-]*|fast-wrap-ansi|@clack/[a-z]*|p-queue|p-timeout)/)',
  ],
  // Imports name the compiled files.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  globalSetup: '<rootDir>/test/support/suite-begins.mjs',
  globalTeardown: '<rootDir>/test/support/suite-ends.mjs',
};

/** @type {import('jest').Config} */
export default {
  testTimeout: 60_000,
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/!(e2e|package)/**/*.test.ts', '<rootDir>/test/*.test.ts'],
    },
    { ...common, displayName: 'e2e', testMatch: ['<rootDir>/test/{e2e,package}/**/*.test.ts'] },
  ],
};
