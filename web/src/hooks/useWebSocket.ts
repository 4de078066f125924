import { useEffect, useEffectEvent } from 'react'

import { loadChunk } from '@/lib/chunk'
import { atFirstSignOfLife } from '@/lib/idle'

import { shownThread } from './useCurrentThread'

/**
 * Keeps the page in agreement with the person's other tabs and devices over a WebSocket, which no paint has to wait
 * for. `onGone` is called when the conversation on the screen was deleted elsewhere. Mount it once.
 */
export function useWebSocket(onGone: () => void): void {
  const gone = useEffectEvent(onGone)

  useEffect(() => {
    let stop: (() => void) | undefined
    let mounted = true
    const start = () => {
      // Without its script the page works; it only hears of news when it gets the focus.
      loadChunk(() => import('@/stores/live')).then(
        ({ startLive }) => {
          if (mounted)
            stop = startLive({
              shown: shownThread,
              onGone: () => {
                gone()
              },
            })
        },
        () => undefined,
      )
    }
    const callOff = atFirstSignOfLife(start)
    return () => {
      mounted = false
      callOff()
      stop?.()
    }
  }, [])
}
