import { useSyncExternalStore } from 'react'

const CHECK_MS = 60_000

function subscribe(listener: () => void): () => void {
  const timer = setInterval(listener, CHECK_MS)
  document.addEventListener('visibilitychange', listener)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', listener)
  }
}

/** The last midnight of the person's clock, in milliseconds since the epoch. Renders once a day. */
export function useToday(): number {
  return useSyncExternalStore(
    subscribe,
    () => new Date().setHours(0, 0, 0, 0),
    () => 0,
  )
}
