'use client'

import { useCallback, useRef } from 'react'

interface ReturnFocus {
  onOpenAutoFocus: () => void
  onCloseAutoFocus: (event: Event) => void
}

/**
 * Radix gives the focus back to a dialog's trigger only. Ours are opened by a key or from a store:
 * the focus goes back to where it was.
 */
export function useReturnFocus(): ReturnFocus {
  const before = useRef<Element | null>(null)
  return {
    onOpenAutoFocus: useCallback(() => {
      before.current = document.activeElement
    }, []),
    onCloseAutoFocus: useCallback((event: Event) => {
      event.preventDefault()
      if (before.current instanceof HTMLElement && before.current.isConnected)
        before.current.focus()
    }, []),
  }
}
