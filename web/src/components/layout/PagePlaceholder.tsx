import type { ReactNode } from 'react'

import { HistoryPlaceholder } from './HistoryPlaceholder'
import { type Skip, ShellFrame } from './ShellFrame'

interface PagePlaceholderProps {
  title: string
  skip: Skip
  children: ReactNode
}

/** A page beside the chat as it is served: what stands here is painted before any script has run. */
export function PagePlaceholder({ children, skip, title }: PagePlaceholderProps) {
  return (
    <ShellFrame
      skip={skip}
      sidebar="open"
      panel={<HistoryPlaceholder />}
      header={
        <header className="flex h-(--header-height) shrink-0 items-center gap-1 border-b px-2 sm:px-3">
          <span className="size-9 lg:hidden" />
          <h1 className="px-1.5 text-sm font-medium">{title}</h1>
        </header>
      }
    >
      {children}
    </ShellFrame>
  )
}
