import { useSyncExternalStore } from 'react'

const subscribe = () => () => undefined

/** Whether the page's script has taken over what was served. Before that, a form would send itself. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    subscribe,
    () => true,
    () => false,
  )
}
