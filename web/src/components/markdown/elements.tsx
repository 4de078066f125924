import { ImageIcon } from 'lucide-react'
import { isValidElement, type ReactNode } from 'react'
import type { Components } from 'react-markdown'

import { CodeBlock } from '../CodeBlock'

function codeOf(children: ReactNode): { code: string; language: string | undefined } | undefined {
  if (!isValidElement<{ className?: string; children?: ReactNode }>(children)) return undefined
  const { className, children: text } = children.props
  return {
    code: typeof text === 'string' ? text.replace(/\n$/, '') : '',
    language: /language-(\S+)/.exec(className ?? '')?.[1],
  }
}

/** How markdown's elements are drawn, where plain HTML is not enough. */
export const elements: Components = {
  pre({ children }) {
    const block = codeOf(children)
    return block === undefined ? <pre>{children}</pre> : <CodeBlock {...block} />
  },
  a({ href, children }) {
    // A footnote leads within the page; everything else leaves it.
    if (href?.startsWith('#') === true) return <a href={href}>{children}</a>
    return (
      <a href={href} target="_blank" rel="noopener noreferrer">
        {children}
      </a>
    )
  },
  img({ src, alt }) {
    // Fetching an address that a model wrote could carry away what the conversation holds,
    // so a person decides whether to open it.
    if (typeof src !== 'string' || !src.startsWith('https://')) return <>{alt}</>
    return (
      <a
        href={src}
        target="_blank"
        rel="noopener noreferrer"
        className="inline-flex items-center gap-1"
      >
        <ImageIcon aria-hidden="true" className="size-3.5" />
        {alt === undefined || alt === '' ? 'Image' : alt}
      </a>
    )
  },
  table({ children }) {
    return (
      <div
        tabIndex={0}
        role="group"
        aria-label="Table"
        className="scrollbar-thin overflow-x-auto rounded-xl border"
      >
        <table>{children}</table>
      </div>
    )
  },
}
