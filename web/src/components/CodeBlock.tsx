'use client'

import { memo, useEffect, useState } from 'react'

import type { Token } from './code/highlighter'
import { languageLabel, languageName } from './code/languages'
import { type CachedLines, createLineCache, plainLines, WINDOW_MS } from './code/line-cache'
import { CopyButton } from './CopyButton'

type LineCache = (code: string) => CachedLines

/** Beyond this a code is shown plain, in UTF-16 units. */
const LARGEST_HIGHLIGHTED = 200_000

/** The highlighter of a language, once its chunk has come; plain lines until then and without it. */
function useLines(code: string, language: string | undefined): Token[][] {
  const [cache, setCache] = useState<{ language: string; lines: LineCache }>()
  const [slice, setSlice] = useState(0)

  useEffect(() => {
    if (language === undefined) return
    let current = true
    void import('./code/highlighter')
      .then(({ loadHighlight }) => loadHighlight(language))
      .then(
        (highlight) => {
          if (current) setCache({ language, lines: createLineCache(highlight) })
        },
        // A chunk that cannot be fetched costs colours, never the code.
        () => undefined,
      )
    return () => {
      current = false
    }
  }, [language])

  const isHighlighted =
    cache !== undefined && cache.language === language && code.length <= LARGEST_HIGHLIGHTED
  const { isUnfinished, lines } = isHighlighted
    ? cache.lines(code)
    : { isUnfinished: false, lines: plainLines(code) }

  useEffect(() => {
    if (!isUnfinished) return
    // The page answers between two slices.
    const next = setTimeout(() => {
      setSlice(slice + 1)
    }, WINDOW_MS)
    return () => {
      clearTimeout(next)
    }
  }, [isUnfinished, slice])

  return lines
}

const Line = memo(function Line({ tokens }: { tokens: Token[] }) {
  return (
    <span className="block min-h-[1.25rem]">
      {tokens.map(({ content, color }, index) =>
        color === undefined ? (
          content
        ) : (
          <span key={index} style={{ color }}>
            {content}
          </span>
        ),
      )}
      {'\n'}
    </span>
  )
})

interface CodeBlockProps {
  code: string
  /** The word after the fence, as the model wrote it. */
  language: string | undefined
}

/** Code with its language, a copy button and its own horizontal scroll. It has its height before its colours. */
export const CodeBlock = memo(function CodeBlock({ code, language }: CodeBlockProps) {
  const lines = useLines(code, language === undefined ? undefined : languageName(language))
  const label = languageLabel(language)
  return (
    <figure
      data-code-block={language ?? ''}
      className="overflow-hidden rounded-xl border bg-code text-code-foreground"
    >
      <figcaption className="flex h-9 items-center justify-between border-b bg-muted/60 pr-1.5 pl-4 text-xs text-muted-foreground">
        <span>{label}</span>
        <CopyButton text={() => code} label="Copy code" withText />
      </figcaption>
      {/* A scrollable region must be reachable by keyboard. */}
      <pre
        tabIndex={0}
        role="group"
        aria-label={`${label} code`}
        className="scrollbar-thin overflow-x-auto px-4 py-3 font-mono text-[0.8125rem] leading-5 [font-variant-ligatures:none] focus-visible:outline-offset-[-2px]"
      >
        <code className="block w-max min-w-full">
          {lines.map((tokens, index) => (
            <Line key={index} tokens={tokens} />
          ))}
        </code>
      </pre>
    </figure>
  )
})
