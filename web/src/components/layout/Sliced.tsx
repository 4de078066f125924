'use client'

import { useSearchParams } from 'next/navigation'
import { type ReactNode, startTransition, useEffect, useState } from 'react'

/** Whether a page has come alive in this tab: those after it have nothing to take over. */
let isAlive = false

/**
 * What is not served: the nearest Suspense boundary is, with its fallback. In the browser `fallback` takes over, and
 * `children` are rendered as a transition, in slices between which the browser can paint and answer. React renders
 * what was not served in one piece otherwise.
 */
export function Sliced({ fallback, children }: { fallback: ReactNode; children: ReactNode }) {
  // Its use bails out of prerendering.
  useSearchParams()
  const [isShown, setShown] = useState(isAlive)
  useEffect(() => {
    isAlive = true
    startTransition(() => {
      setShown(true)
    })
  }, [])
  return isShown ? children : fallback
}
