'use client'

import { LoaderCircle } from 'lucide-react'

import { Button } from '@/components/ui/button'
import type { MoreState } from '@/stores/load-state'

/** The height of the strip above the oldest message, in pixels. Fixed: what is below must not move. */
export const OLDER_HEIGHT = 48

interface OlderMessagesProps {
  older: MoreState
  onRetry: () => void
}

/** What lies before the oldest message shown. */
export function OlderMessages({ older, onRetry }: OlderMessagesProps) {
  return (
    <div
      style={{ height: OLDER_HEIGHT }}
      data-older={older.kind}
      className="flex items-center justify-center gap-3 text-xs text-muted-foreground"
    >
      {older.kind === 'loading' && (
        <>
          <LoaderCircle aria-hidden="true" className="size-3.5 animate-spin" />
          Loading older messages
        </>
      )}
      {older.kind === 'failed' && (
        <>
          <span>{older.failure.message}</span>
          <Button variant="outline" size="xs" onClick={onRetry}>
            Try again
          </Button>
        </>
      )}
    </div>
  )
}
