import { useSyncExternalStore } from 'react'

import { browserConnectivity } from '@/lib/connectivity'

/** Whether the browser believes that it has a network. */
export function useOnline(): boolean {
  return useSyncExternalStore(
    browserConnectivity.subscribe,
    browserConnectivity.isOnline,
    () => true,
  )
}
