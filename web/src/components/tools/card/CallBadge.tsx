import { Ban, Check, CircleSlash, Clock3, Hand, LoaderCircle, TriangleAlert } from 'lucide-react'

import type { CallState } from '@/lib/calls'
import { cn } from '@/lib/utils'

const STATES: Record<CallState, { label: string; Icon: typeof Check; look: string }> = {
  waiting: { label: 'Waiting for you', Icon: Hand, look: 'bg-warning-surface text-warning' },
  queued: { label: 'Queued', Icon: Clock3, look: 'bg-secondary text-secondary-foreground' },
  running: { label: 'Running', Icon: LoaderCircle, look: 'bg-primary/12 text-primary' },
  done: { label: 'Done', Icon: Check, look: 'bg-success/10 text-success' },
  failed: { label: 'Failed', Icon: TriangleAlert, look: 'bg-destructive/10 text-destructive' },
  denied: { label: 'Denied', Icon: Ban, look: 'bg-secondary text-secondary-foreground' },
  cancelled: {
    label: 'Cancelled',
    Icon: CircleSlash,
    look: 'bg-secondary text-secondary-foreground',
  },
}

/** How a call stands, in words. */
export function wordsOf(state: CallState): string {
  return STATES[state].label
}

export function CallBadge({ state }: { state: CallState }) {
  const { Icon, label, look } = STATES[state]
  return (
    <span
      data-call-state={state}
      className={cn(
        'inline-flex shrink-0 items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap',
        look,
      )}
    >
      <Icon aria-hidden="true" className={cn('size-3', state === 'running' && 'animate-spin')} />
      {label}
    </span>
  )
}
