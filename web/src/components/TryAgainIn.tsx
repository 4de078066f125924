'use client'

import { useCountdown } from '@/hooks/useCountdown'

/** Why something was refused for now, and how long until it may be tried again. */
export default function TryAgainIn({ reason, until }: { reason: string; until: number }) {
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
