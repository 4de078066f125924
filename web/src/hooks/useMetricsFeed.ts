import { useEffect } from 'react'

import { loadChunk } from '@/lib/chunk'

/** Keeps the figures coming while the page is there. Mount it once. */
export function useMetricsFeed(): void {
  useEffect(() => {
    let stop: (() => void) | undefined
    let mounted = true
    loadChunk(() => import('@/stores/metrics.feed')).then(
      ({ startFeed }) => {
        if (mounted) stop = startFeed()
      },
      // What shows the figures is a part of the script too, and says that it cannot be had.
      () => undefined,
    )
    return () => {
      mounted = false
      stop?.()
    }
  }, [])
}
