import { useCallback, useSyncExternalStore } from 'react'

const TICK_MS = 250

/** Whole seconds left until `until` (milliseconds since the epoch); 0 when it is over, or when there is nothing to wait for. */
export function useCountdown(until: number | undefined): number {
  const subscribe = useCallback(
    (listener: () => void) => {
      if (until === undefined) return () => undefined
      const timer = setInterval(() => {
        if (Date.now() >= until) clearInterval(timer)
        listener()
      }, TICK_MS)
      return () => {
        clearInterval(timer)
      }
    },
    [until],
  )
  return useSyncExternalStore(
    subscribe,
    () => (until === undefined ? 0 : Math.max(0, Math.ceil((until - Date.now()) / 1000))),
    () => 0,
  )
}
