import next from 'eslint-config-next/core-web-vitals'
import prettier from 'eslint-config-prettier/flat'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

/** Imports go one way only: a layer may use those before it in this list, never those after it. */
const LAYERS = ['types', 'lib', 'stores', 'hooks', 'components', 'app']

const direction = LAYERS.slice(0, -1).map((layer, position) => ({
  files: [`src/${layer}/**/*.{ts,tsx}`],
  // What the interface kit (components/ui) may import is stricter, and stands below.
  ignores: ['src/components/ui/**'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: LAYERS.slice(position + 1).map((above) => ({
          regex: `^(@/|(\\.\\./)+)${above}(/|$)`,
          message: `${layer} must not import ${above}: types <- lib <- stores <- hooks <- components <- app.`,
        })),
      },
    ],
  },
}))

export default defineConfig(
  globalIgnores([
    '.next/',
    'out/',
    'dist/',
    'dist.new/',
    'next-env.d.ts',
    'src/types/generated/',
    'playwright-report/',
    'test-results/',
  ]),
  next,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { attributes: false } },
      ],
    },
  },
  {
    // Index signatures (`process.env`) are read with brackets, as the compiler asks.
    files: ['**/*.{ts,tsx}'],
    rules: {
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
    },
  },
  ...direction,
  {
    files: ['src/components/ui/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(@/|(\\.\\./)+)(types|stores|app|components(?!/ui))(/|$)',
              message: 'components/ui knows nothing of the domain.',
            },
          ],
        },
      ],
    },
  },
  prettier,
)
