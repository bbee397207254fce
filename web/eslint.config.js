import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** The floors of the page, lowest first; a folder imports only from itself and from floors below it. */
const floors = [['api', 'data'], ['state'], ['render'], ['views'], ['features'], ['app']];

const directions = floors.flatMap((level, i) =>
  level.map((folder) => {
    const forbidden = [...level.filter((name) => name !== folder), ...floors.slice(i + 1).flat()];
    return {
      files: [`src/${folder}/**/*.{ts,tsx}`],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              { regex: `^(\\.\\./)+(${forbidden.join('|')})(/|$)`, message: `${folder}/ is below what it imports here.` },
              ...(folder === 'api' || folder === 'data' || folder === 'render'
                ? [{ regex: '^(react|react-dom|@tanstack)', message: `${folder}/ knows no framework.` }]
                : []),
            ],
          },
        ],
      },
    };
  }),
);

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/'] },
  ...tseslint.configs.recommended,
  hooks.configs.flat.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      'max-lines': ['error', { max: 300 }],
      'max-params': ['error', { max: 7 }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  ...directions,
);
