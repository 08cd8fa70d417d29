import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['dist', 'node_modules'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    rules: {
      // Log text is hostile: it reaches the page as text nodes, and in no other way.
      'svelte/no-at-html-tags': 'error',
      // The policy refuses style attributes; `style:` directives go through the CSSOM and are fine.
      'no-restricted-syntax': ['error', { selector: 'SvelteAttribute[key.name="style"]', message: 'use a class or a style: directive' }],
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML'].map((property) => ({ property })),
      ],
      'no-eval': 'error',
      eqeqeq: 'error',
      'no-undef': 'off',
      // The router is ours and knows no base path.
      'svelte/no-navigation-without-resolve': 'off',
      // Where a map or an address's parameters are reactive, they are replaced whole.
      'svelte/prefer-svelte-reactivity': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
);
