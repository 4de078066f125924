'use client'

import { useEffect, useState } from 'react'

import { metricsStore, shownSeries } from '@/stores/metrics.store'

import { overview } from './summary'

/** How often the figures are said aloud at most, in milliseconds. */
export const SAID_MS = 15_000

/** Tells a screen reader how things stand: seldom, and only when they stand differently than before. */
export function Announcement() {
  const [text, setText] = useState('')
  useEffect(() => {
    const timer = setInterval(() => {
      const state = metricsStore.getState()
      // Old figures are no news; that they are old is said elsewhere.
      if (state.feed === 'live') setText(overview(shownSeries(state)))
    }, SAID_MS)
    return () => {
      clearInterval(timer)
    }
  }, [])
  return (
    <p aria-live="polite" className="sr-only" data-announcement="">
      {text}
    </p>
  )
}
