'use client'

import { ChevronLeft, ChevronRight } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { chat, useSiblings } from '@/stores/chat.store'

/** Steps through the versions of a message; nothing for a message that has only one. */
export function BranchSwitcher({ id }: { id: string }) {
  const { ids, index } = useSiblings(id)
  if (ids.length < 2) return null
  const before = ids[index - 1]
  const after = ids[index + 1]
  return (
    <div
      role="group"
      aria-label="Versions"
      className="flex items-center text-xs text-muted-foreground"
    >
      <Button
        variant="ghost"
        size="icon-xs"
        aria-label="Previous version"
        disabled={before === undefined}
        onClick={() => {
          if (before !== undefined) chat.selectSibling(before)
        }}
      >
        <ChevronLeft aria-hidden="true" />
      </Button>
      <span className="min-w-8 text-center tabular-nums" data-branch={`${index + 1}/${ids.length}`}>
        {index + 1} / {ids.length}
      </span>
      <Button
        variant="ghost"
        size="icon-xs"
        aria-label="Next version"
        disabled={after === undefined}
        onClick={() => {
          if (after !== undefined) chat.selectSibling(after)
        }}
      >
        <ChevronRight aria-hidden="true" />
      </Button>
    </div>
  )
}
