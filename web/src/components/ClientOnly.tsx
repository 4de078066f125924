'use client'

import { type ReactNode, startTransition, useEffect, useState } from 'react'

import { useHydrated } from '@/hooks/useHydrated'

/**
 * A page that depends on the address or on what the browser keeps, and so cannot be served with its contents.
 * `fallback` is served and painted in its place; the page is then rendered as a transition, in slices between which
 * the browser can paint and answer. Whoever comes from another page of the app sees it at once.
 */
export function ClientOnly({ fallback, children }: { fallback: ReactNode; children: ReactNode }) {
  const [isShown, setShown] = useState(useHydrated())
  useEffect(() => {
    startTransition(() => {
      setShown(true)
    })
  }, [])
  return isShown ? children : fallback
}
