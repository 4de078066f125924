import {
  createCssVariablesTheme,
  createHighlighterCore,
  type GrammarState,
  type HighlighterCore,
} from 'shiki/core'
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript'

import { languageLoader } from './languages'

/** A piece of one line; `color` is a CSS variable of `theme.css`. */
export interface Token {
  content: string
  color: string | undefined
}

export interface Highlighted {
  lines: Token[][]
  /** Where the grammar stands after the last line, to go on from. */
  state: GrammarState | undefined
}

export type Highlight = (code: string, from: GrammarState | undefined) => Highlighted

const THEME = createCssVariablesTheme({
  name: 'weir',
  variablePrefix: '--code-',
  variableDefaults: {},
  fontStyle: false,
})

/** How long one line may take, in milliseconds; the rest of it is shown plain. */
const LONGEST_LINE_MS = 250

let shared: Promise<HighlighterCore> | undefined

function highlighter(): Promise<HighlighterCore> {
  // The JavaScript engine: WebAssembly would need `wasm-unsafe-eval` in the content security policy.
  shared ??= createHighlighterCore({
    themes: [THEME],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  })
  return shared
}

/** Loads a language of `languages.ts` once. Rejects when its chunk cannot be fetched. */
export async function loadHighlight(name: string): Promise<Highlight> {
  const core = await highlighter()
  const load = languageLoader(name)
  if (load === undefined) throw new Error(`No grammar for ${name}`)
  await core.loadLanguage((await load()).default)
  return (code, from) => {
    const result = core.codeToTokens(code, {
      lang: name,
      theme: 'weir',
      tokenizeTimeLimit: LONGEST_LINE_MS,
      ...(from !== undefined && { grammarState: from }),
    })
    return {
      lines: result.tokens.map((line) => line.map(({ content, color }) => ({ content, color }))),
      state: result.grammarState,
    }
  }
}
