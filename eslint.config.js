import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'release/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    // The path that kubectl waits for: everything heavy is a dynamic import().
    files: [
      'src/main.ts',
      'src/exec-credential/**',
      'src/credential/**',
      'src/keychain/**',
      'src/identity/**',
      'src/settings/**',
    ],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [
                '@alicloud/*',
                '@kubernetes/*',
                'yaml',
                'commander',
                '**/commands/*',
                '**/terminal/*',
                '**/ens/*',
              ],
              allowTypeImports: true,
              message: 'kubectl waits for this path: use a dynamic import() on the branch that needs it.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs', 'plugin/kubectl-eck'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', fs: 'readonly' },
    },
  },
  prettier,
);
