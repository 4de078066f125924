'use client'

import { RotateCw, TriangleAlert } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { useCountdown } from '@/hooks/useCountdown'
import type { Failure } from '@/lib/failure'
import { reasonOf } from '@/lib/reason'

import { ListMessage } from './ListMessage'

interface LoadFailureProps {
  /** What is not there: `The list could not be loaded`. */
  title: string
  failure: Failure
  onRetry: () => Promise<void>
}

/** Why something could not be loaded, and another try as soon as the server takes one. */
export function LoadFailure({ failure, onRetry, title }: LoadFailureProps) {
  const seconds = useCountdown(failure.retryAt)
  return (
    <ListMessage
      Icon={TriangleAlert}
      role="alert"
      title={title}
      action={
        <Button
          variant="outline"
          size="sm"
          // It keeps the focus while it waits.
          aria-disabled={seconds > 0}
          className="tabular-nums aria-disabled:opacity-60"
          onClick={() => {
            if (seconds === 0) void onRetry()
          }}
        >
          <RotateCw aria-hidden="true" />
          {seconds > 0 ? `Try again in ${seconds} s` : 'Try again'}
        </Button>
      }
    >
      {reasonOf(failure)}
    </ListMessage>
  )
}
