'use client'

import { Check, Copy, X } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { useCopy, type CopyState } from '@/hooks/useCopy'
import { cn } from '@/lib/utils'

const FEEDBACK: Record<CopyState, string> = {
  idle: '',
  copied: 'Copied',
  failed: 'Copying failed',
}

interface CopyButtonProps {
  /** Read at the click, so that a growing text is copied as it then stands. */
  text: () => string
  label: string
  /** Shows the word beside the icon. */
  withText?: boolean
  className?: string
}

/** Copies, and answers with a tick for a moment; screen readers hear it. */
export function CopyButton({ text, label, withText = false, className }: CopyButtonProps) {
  const { state, copy } = useCopy()
  const Icon = state === 'copied' ? Check : state === 'failed' ? X : Copy
  return (
    <Button
      variant="ghost"
      size={withText ? 'xs' : 'icon-sm'}
      aria-label={label}
      title={withText ? undefined : label}
      data-copy={state}
      className={className}
      onClick={() => {
        copy(text())
      }}
    >
      <Icon
        aria-hidden="true"
        className={cn(
          'size-3.5',
          state === 'copied' && 'text-success',
          state === 'failed' && 'text-destructive',
        )}
      />
      {withText && <span>{state === 'idle' ? 'Copy' : FEEDBACK[state]}</span>}
      <span role="status" className="sr-only">
        {FEEDBACK[state]}
      </span>
    </Button>
  )
}
