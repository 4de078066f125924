'use client'

import { ChevronDown, X } from 'lucide-react'
import type { RefObject } from 'react'

import { Button } from '@/components/ui/button'
import type { CallState } from '@/lib/calls'
import { cn } from '@/lib/utils'

import { inLine } from '../words'
import { CallBadge } from './CallBadge'

/** Characters of the arguments that stand beside the title. */
const MOST_CHARACTERS = 120

interface CallHeaderProps {
  title: string
  args: unknown
  state: CallState
  expanded: boolean
  bodyId: string
  toggle: RefObject<HTMLButtonElement | null>
  onToggle: () => void
  onCancel: (() => void) | undefined
  onDismiss: (() => void) | undefined
}

/** What is called and how it stands, on one line; it opens and closes the card. */
export function CallHeader(props: CallHeaderProps) {
  const { args, bodyId, expanded, onCancel, onDismiss, onToggle, state, title, toggle } = props
  return (
    <div className="flex min-h-11 items-center gap-1 pr-1.5">
      <button
        ref={toggle}
        type="button"
        aria-expanded={expanded}
        aria-controls={bodyId}
        className="flex min-w-0 flex-1 items-center gap-2 self-stretch rounded-lg py-1.5 pl-3.5 text-left text-sm outline-none focus-visible:ring-2 focus-visible:ring-ring"
        onClick={onToggle}
      >
        <span className="shrink-0 truncate font-medium max-sm:max-w-36">{title}</span>
        <span className="min-w-0 flex-1 truncate text-[0.8125rem] text-muted-foreground">
          {inLine(args).slice(0, MOST_CHARACTERS)}
        </span>
        <CallBadge state={state} />
        <ChevronDown
          aria-hidden="true"
          className={cn(
            'size-4 shrink-0 text-muted-foreground transition-transform',
            expanded && 'rotate-180',
          )}
        />
      </button>
      {onCancel !== undefined && (
        <Button variant="ghost" size="xs" aria-label={`Cancel ${title}`} onClick={onCancel}>
          Cancel
        </Button>
      )}
      {onDismiss !== undefined && (
        <Button variant="ghost" size="icon-xs" aria-label={`Dismiss ${title}`} onClick={onDismiss}>
          <X aria-hidden="true" />
        </Button>
      )}
    </div>
  )
}
