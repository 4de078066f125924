import type { ReactNode } from 'react'

import { cn } from '@/lib/utils'

interface TwoPanesProps {
  /** What the list is of. */
  label: string
  /** Which of the two is shown where there is room for one only. */
  shown: 'list' | 'detail'
  list: ReactNode
  detail: ReactNode
}

/** A list and what is chosen in it: side by side where there is room, else one after the other. */
export function TwoPanes({ detail, label, list, shown }: TwoPanesProps) {
  return (
    <div className="@container min-h-0 flex-1">
      <div className="flex h-full min-h-0">
        <section
          aria-label={label}
          className={cn(
            'flex min-h-0 w-full flex-col @3xl:w-80 @3xl:shrink-0 @3xl:border-r @5xl:w-96',
            shown === 'detail' && '@max-3xl:hidden',
          )}
        >
          {list}
        </section>
        <section
          aria-label="Details"
          className={cn(
            'min-w-0 flex-1 scrollbar-thin overflow-y-auto overscroll-contain',
            shown === 'list' && '@max-3xl:hidden',
          )}
          // Chromium makes a scrollable box focusable by itself; what is in it is reached anyway.
          tabIndex={-1}
        >
          {detail}
        </section>
      </div>
    </div>
  )
}
