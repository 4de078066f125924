import { CircleAlert, CircleSlash, RotateCw, Unplug } from 'lucide-react'
import type { ReactNode } from 'react'

import { Button } from '@/components/ui/button'
import { cn } from '@/lib/utils'

interface StatusNoteProps {
  status: 'cancelled' | 'interrupted' | 'error'
  /** What happened, in plain words. */
  text: string
  /** The server's word for the error, for whoever looks it up. */
  code?: string | undefined
  onRetry?: (() => void) | undefined
}

const ICONS = { cancelled: CircleSlash, interrupted: Unplug, error: CircleAlert }

/** How an answer ended that did not end by itself. */
export function StatusNote({ status, text, code, onRetry }: StatusNoteProps): ReactNode {
  const Icon = ICONS[status]
  if (status === 'cancelled') {
    return (
      <p
        className="mt-3 flex items-center gap-1.5 text-[0.8125rem] text-muted-foreground"
        data-status-note={status}
      >
        <Icon aria-hidden="true" className="size-3.5" />
        {text}
      </p>
    )
  }
  return (
    <div
      data-status-note={status}
      className={cn(
        'mt-3 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl border px-4 py-3 text-sm',
        status === 'error'
          ? 'border-destructive/30 bg-destructive/5'
          : 'border-warning/30 bg-warning-surface',
      )}
    >
      <Icon
        aria-hidden="true"
        className={cn('size-4 shrink-0', status === 'error' ? 'text-destructive' : 'text-warning')}
      />
      <p className="min-w-48 flex-1 leading-5">
        {text}{' '}
        {code !== undefined && (
          <code className="ml-0.5 font-mono text-xs [overflow-wrap:anywhere] text-muted-foreground">
            {code}
          </code>
        )}
      </p>
      {onRetry !== undefined && (
        <Button variant="outline" size="sm" onClick={onRetry}>
          <RotateCw aria-hidden="true" />
          Retry
        </Button>
      )}
    </div>
  )
}
