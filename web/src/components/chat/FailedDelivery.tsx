'use client'

import { CircleAlert, RotateCw } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { useCountdown } from '@/hooks/useCountdown'
import { reasonOf } from '@/lib/reason'
import { chat, type ThreadMessage } from '@/stores/chat.store'

import { focusComposer } from '../composer-id'
import { reportFailure } from '../toasts'
import { retriesItself } from './AutoRetry'

/** Why a message was not sent, and the two ways on: again, or back into the message field. */
export function FailedDelivery({ message }: { message: ThreadMessage }) {
  const { id, failure } = message
  const seconds = useCountdown(failure?.retryAt)
  return (
    <div
      role="alert"
      className="mt-2 flex max-w-full flex-wrap items-center justify-end gap-x-2 gap-y-1 text-[0.8125rem]"
    >
      <p className="flex items-center gap-1.5 text-destructive">
        <CircleAlert aria-hidden="true" className="size-3.5 shrink-0" />
        {failure === undefined ? 'This message was not sent.' : reasonOf(failure)}
      </p>
      {seconds > 0 && (
        // Not read out each second: the alert has been heard once.
        <p aria-live="off" className="text-muted-foreground tabular-nums" data-retry-in={seconds}>
          {retriesItself(message) ? 'Trying again' : 'Possible again'} in {seconds} s
        </p>
      )}
      <span className="flex gap-1">
        <Button
          variant="ghost"
          size="xs"
          onClick={() => {
            chat.discard(id)
            focusComposer()
          }}
        >
          Edit
        </Button>
        <Button
          variant="outline"
          size="xs"
          onClick={() => {
            void chat.retry(id).then(reportFailure)
            focusComposer()
          }}
        >
          <RotateCw aria-hidden="true" className="size-3.5" />
          {seconds > 0 ? 'Retry now' : 'Retry'}
        </Button>
      </span>
    </div>
  )
}
