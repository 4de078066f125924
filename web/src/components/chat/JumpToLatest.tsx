'use client'

import { ArrowDown } from 'lucide-react'

import { Button } from '@/components/ui/button'

interface JumpToLatestProps {
  /** An answer is growing out of view. */
  writing: boolean
  onJump: () => void
}

/** The way back to the newest message. */
export function JumpToLatest({ writing, onJump }: JumpToLatestProps) {
  return (
    <div className="pointer-events-none absolute inset-x-0 bottom-3 z-10 flex justify-center">
      <Button
        variant="outline"
        size="sm"
        data-jump=""
        className="pointer-events-auto animate-in rounded-full bg-popover pr-3.5 pl-3 shadow-md fade-in-0 slide-in-from-bottom-2"
        onClick={onJump}
      >
        <ArrowDown aria-hidden="true" className="size-3.5" />
        Jump to latest
        {writing && (
          <span
            role="img"
            aria-label="New content"
            className="size-2 animate-pulse rounded-full bg-primary"
          />
        )}
      </Button>
    </div>
  )
}
