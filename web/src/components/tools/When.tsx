'use client'

import { useToday } from '@/hooks/useToday'

const DAY_MS = 86_400_000

/** When something was: the time of today, the day and time of what is older. */
export function When({ at, full = false }: { at: string; full?: boolean }) {
  const today = useToday()
  const time = new Date(at)
  const isToday = time.getTime() >= today && time.getTime() < today + DAY_MS
  const text = full
    ? time.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
    : isToday
      ? time.toLocaleTimeString(undefined, {
          hour: '2-digit',
          minute: '2-digit',
          second: '2-digit',
        })
      : time.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  return (
    <time dateTime={at} title={full ? undefined : time.toLocaleString()} suppressHydrationWarning>
      {text}
    </time>
  )
}
