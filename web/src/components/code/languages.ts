import type { LanguageInput } from 'shiki/core'

type Loader = () => Promise<{ default: LanguageInput }>

interface Language {
  label: string
  load: Loader
  aliases?: string[]
}

/** The languages that are highlighted, each fetched when a page first shows it. */
const LANGUAGES: Record<string, Language> = {
  bash: {
    label: 'Shell',
    load: () => import('shiki/langs/bash.mjs'),
    aliases: ['sh', 'shell', 'zsh', 'console', 'shellscript', 'shell-session'],
  },
  c: { label: 'C', load: () => import('shiki/langs/c.mjs'), aliases: ['h'] },
  cpp: {
    label: 'C++',
    load: () => import('shiki/langs/cpp.mjs'),
    aliases: ['c++', 'cc', 'hpp', 'cxx'],
  },
  csharp: { label: 'C#', load: () => import('shiki/langs/csharp.mjs'), aliases: ['cs', 'c#'] },
  css: { label: 'CSS', load: () => import('shiki/langs/css.mjs') },
  dart: { label: 'Dart', load: () => import('shiki/langs/dart.mjs') },
  diff: { label: 'Diff', load: () => import('shiki/langs/diff.mjs'), aliases: ['patch'] },
  docker: {
    label: 'Dockerfile',
    load: () => import('shiki/langs/docker.mjs'),
    aliases: ['dockerfile'],
  },
  elixir: { label: 'Elixir', load: () => import('shiki/langs/elixir.mjs'), aliases: ['ex', 'exs'] },
  go: { label: 'Go', load: () => import('shiki/langs/go.mjs'), aliases: ['golang'] },
  graphql: { label: 'GraphQL', load: () => import('shiki/langs/graphql.mjs'), aliases: ['gql'] },
  haskell: { label: 'Haskell', load: () => import('shiki/langs/haskell.mjs'), aliases: ['hs'] },
  html: { label: 'HTML', load: () => import('shiki/langs/html.mjs'), aliases: ['htm'] },
  ini: {
    label: 'INI',
    load: () => import('shiki/langs/ini.mjs'),
    aliases: ['properties', 'cfg', 'conf'],
  },
  java: { label: 'Java', load: () => import('shiki/langs/java.mjs') },
  javascript: {
    label: 'JavaScript',
    load: () => import('shiki/langs/javascript.mjs'),
    aliases: ['js', 'mjs', 'cjs', 'node'],
  },
  json: {
    label: 'JSON',
    load: () => import('shiki/langs/json.mjs'),
    aliases: ['json5', 'jsonc', 'jsonl'],
  },
  jsx: { label: 'JSX', load: () => import('shiki/langs/jsx.mjs') },
  kotlin: { label: 'Kotlin', load: () => import('shiki/langs/kotlin.mjs'), aliases: ['kt', 'kts'] },
  lua: { label: 'Lua', load: () => import('shiki/langs/lua.mjs') },
  make: { label: 'Makefile', load: () => import('shiki/langs/make.mjs'), aliases: ['makefile'] },
  markdown: { label: 'Markdown', load: () => import('shiki/langs/markdown.mjs'), aliases: ['md'] },
  nginx: { label: 'nginx', load: () => import('shiki/langs/nginx.mjs') },
  nix: { label: 'Nix', load: () => import('shiki/langs/nix.mjs') },
  php: { label: 'PHP', load: () => import('shiki/langs/php.mjs') },
  powershell: {
    label: 'PowerShell',
    load: () => import('shiki/langs/powershell.mjs'),
    aliases: ['ps', 'ps1', 'pwsh'],
  },
  python: {
    label: 'Python',
    load: () => import('shiki/langs/python.mjs'),
    aliases: ['py', 'python3'],
  },
  r: { label: 'R', load: () => import('shiki/langs/r.mjs') },
  ruby: { label: 'Ruby', load: () => import('shiki/langs/ruby.mjs'), aliases: ['rb'] },
  rust: { label: 'Rust', load: () => import('shiki/langs/rust.mjs'), aliases: ['rs'] },
  scala: { label: 'Scala', load: () => import('shiki/langs/scala.mjs') },
  scss: { label: 'SCSS', load: () => import('shiki/langs/scss.mjs'), aliases: ['sass'] },
  sql: {
    label: 'SQL',
    load: () => import('shiki/langs/sql.mjs'),
    aliases: ['postgresql', 'postgres', 'mysql', 'sqlite'],
  },
  swift: { label: 'Swift', load: () => import('shiki/langs/swift.mjs') },
  toml: { label: 'TOML', load: () => import('shiki/langs/toml.mjs') },
  tsx: { label: 'TSX', load: () => import('shiki/langs/tsx.mjs') },
  typescript: {
    label: 'TypeScript',
    load: () => import('shiki/langs/typescript.mjs'),
    aliases: ['ts', 'mts', 'cts'],
  },
  vue: { label: 'Vue', load: () => import('shiki/langs/vue.mjs') },
  xml: { label: 'XML', load: () => import('shiki/langs/xml.mjs'), aliases: ['svg'] },
  yaml: { label: 'YAML', load: () => import('shiki/langs/yaml.mjs'), aliases: ['yml'] },
  zig: { label: 'Zig', load: () => import('shiki/langs/zig.mjs') },
}

const NAMES = new Map<string, string>(
  Object.entries(LANGUAGES).flatMap(([name, { aliases = [] }]) =>
    [name, ...aliases].map((alias) => [alias, name] as const),
  ),
)

/** The name under which a language is loaded, or nothing when it is shown as plain text. */
export function languageName(infoString: string): string | undefined {
  return NAMES.get(infoString.toLowerCase())
}

/** What a person calls the language; an unknown one keeps the word the model wrote. */
export function languageLabel(infoString: string | undefined): string {
  if (infoString === undefined || infoString === '') return 'Text'
  const name = languageName(infoString)
  return (name === undefined ? undefined : LANGUAGES[name]?.label) ?? infoString
}

export function languageLoader(name: string): Loader | undefined {
  return LANGUAGES[name]?.load
}
