'use client'

import { ArrowDown } from 'lucide-react'
import { AnimatePresence } from 'motion/react'
import * as m from 'motion/react-m'

import { Button } from '@/components/ui/button'

interface JumpToLatestProps {
  state: 'hidden' | 'shown' | 'writing'
  onJump: () => void
}

/** The way back to the newest message; `writing` says that an answer grows out of view. */
export function JumpToLatest({ state, onJump }: JumpToLatestProps) {
  return (
    <AnimatePresence initial={false}>
      {state !== 'hidden' && (
        <m.div
          initial={{ opacity: 0, y: 8 }}
          animate={{ opacity: 1, y: 0 }}
          exit={{ opacity: 0, y: 8 }}
          transition={{ duration: 0.16, ease: 'easeOut' }}
          className="pointer-events-none absolute inset-x-0 bottom-3 z-10 flex justify-center"
        >
          <Button
            variant="outline"
            size="sm"
            data-jump={state}
            className="pointer-events-auto rounded-full bg-popover pr-3.5 pl-3 shadow-md"
            onClick={onJump}
          >
            <ArrowDown aria-hidden="true" className="size-3.5" />
            Jump to latest
            {state === 'writing' && (
              <span
                role="img"
                aria-label="New content"
                className="size-2 animate-pulse rounded-full bg-primary"
              />
            )}
          </Button>
        </m.div>
      )}
    </AnimatePresence>
  )
}
