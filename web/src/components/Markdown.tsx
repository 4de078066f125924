'use client'

import { memo, useState } from 'react'
import ReactMarkdown from 'react-markdown'
import remarkGfm from 'remark-gfm'
import remend from 'remend'

import { createBlockSplitter, hasDefinitions } from './markdown/blocks'
import { rehypeCaret } from './markdown/caret'
import { elements } from './markdown/elements'

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
 */
export default function Markdown({ text, extent }: MarkdownProps) {
  const [split] = useState(createBlockSplitter)
  // Link definitions and footnotes reach across blocks; a finished text with such is parsed whole.
  const blocks = extent !== 'growing' && hasDefinitions(text) ? [text] : split(text)
  const last = blocks.length - 1
  return (
    <div className="markdown">
      {blocks.map((source, index) => (
        <Block
          key={index}
          source={extent !== 'whole' && index === last ? remend(source) : source}
          growing={extent === 'growing' && index === last}
        />
      ))}
    </div>
  )
}
