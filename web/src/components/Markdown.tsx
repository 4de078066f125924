'use client'

import { memo, startTransition, useEffect, useState } from 'react'
import ReactMarkdown from 'react-markdown'
import remarkGfm from 'remark-gfm'
import remend from 'remend'

import { createBlockSplitter } from './markdown/blocks'
import { rehypeCaret } from './markdown/caret'
import { elements } from './markdown/elements'
import { PlainBlock } from './markdown/PlainBlock'
import { createPlanner, isParsedWhole, nextShown } from './markdown/plan'

const remarkPlugins = [remarkGfm]
const growingPlugins = [rehypeCaret]
const finishedPlugins: never[] = []

interface BlockProps {
  source: string
  growing: boolean
}

const Block = memo(function Block({ source, growing }: BlockProps) {
  return (
    <div data-growing={growing ? '' : undefined}>
      <ReactMarkdown
        remarkPlugins={remarkPlugins}
        rehypePlugins={growing ? growingPlugins : finishedPlugins}
        components={elements}
      >
        {source}
      </ReactMarkdown>
    </div>
  )
})

interface MarkdownProps {
  text: string
  /** `growing` is still being written; `cut` ended anywhere, also within a mark; `whole` said all. */
  extent: 'growing' | 'cut' | 'whole'
}

/**
 * Markdown that may still be growing. It is parsed block by block: a token costs a parse of the
 * last block only, and the finished blocks before it do not render again. Raw HTML stays text.
 * A long text is drawn in steps, and what would cost too much is shown as it was written.
 */
export default function Markdown({ text, extent }: MarkdownProps) {
  const [split] = useState(createBlockSplitter)
  const [plan] = useState(createPlanner)
  // Link definitions and footnotes reach across blocks; a finished text with such is parsed whole.
  const isWhole = extent !== 'growing' && isParsedWhole(text)
  const pieces = plan(isWhole ? [text] : split(text))
  const [shown, setShown] = useState(() => nextShown(pieces, 0))
  const last = pieces.length - 1
  const next = nextShown(pieces, shown)

  useEffect(() => {
    if (next <= shown) return
    // The browser paints and answers between two steps.
    const step = setTimeout(() => {
      startTransition(() => {
        setShown(next)
      })
    })
    return () => {
      clearTimeout(step)
    }
  }, [next, shown])

  return (
    <div className="markdown">
      {/* The block that is being written is shown at once. */}
      {pieces
        .slice(0, extent === 'growing' && shown >= last ? last + 1 : shown)
        .map((piece, index) =>
          piece.isPlain ? (
            <PlainBlock key={index} text={piece.source} />
          ) : (
            <Block
              key={index}
              source={extent !== 'whole' && index === last ? remend(piece.source) : piece.source}
              growing={extent === 'growing' && index === last}
            />
          ),
        )}
    </div>
  )
}
