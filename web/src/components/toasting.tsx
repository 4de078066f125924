'use client'

import { toast } from 'sonner'

import { useCountdown } from '@/hooks/useCountdown'
import type { Failure } from '@/lib/failure'
import { reasonOf } from '@/lib/reason'

export { toast }

/** How long it is said that one can try again, in milliseconds. */
const AFTERWARDS_MS = 4_000

/** Says that something did not work; when it was only too much at once, also until when. */
export function showFailure(failure: Failure): void {
  const { message, retryAt, status } = failure
  if (status !== 429 || retryAt === undefined) {
    toast.error(message)
    return
  }
  toast.error(<TryAgainIn reason={reasonOf(failure)} until={retryAt} />, {
    // One for all refusals: the newest says until when.
    id: 'try-again-in',
    duration: Math.max(0, retryAt - Date.now()) + AFTERWARDS_MS,
  })
}

function TryAgainIn({ reason, until }: { reason: string; until: number }) {
  const seconds = useCountdown(until)
  return (
    <>
      {reason} {/* Not read out each second: it has been heard once. */}
      <span aria-live="off" className="whitespace-nowrap tabular-nums" data-retry-in={seconds}>
        {seconds > 0 ? `Try again in ${seconds} s.` : 'You can try again now.'}
      </span>
    </>
  )
}
