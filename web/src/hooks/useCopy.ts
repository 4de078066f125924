'use client'

import { useCallback, useEffect, useRef, useState } from 'react'

export type CopyState = 'idle' | 'copied' | 'failed'

/** How long the feedback stays, in milliseconds. */
const FEEDBACK_MS = 1_800

/** Copies text to the clipboard and says for a moment how that went. */
export function useCopy(): { state: CopyState; copy: (text: string) => void } {
  const [state, setState] = useState<CopyState>('idle')
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)

  useEffect(
    () => () => {
      clearTimeout(timer.current)
    },
    [],
  )

  const copy = useCallback((text: string) => {
    const show = (result: CopyState) => {
      setState(result)
      clearTimeout(timer.current)
      timer.current = setTimeout(() => {
        setState('idle')
      }, FEEDBACK_MS)
    }
    writeText(text).then(
      () => {
        show('copied')
      },
      () => {
        show('failed')
      },
    )
  }, [])

  return { state, copy }
}

/** The Clipboard API exists only on HTTPS and on localhost; a page on a plain LAN address selects and copies. */
async function writeText(text: string): Promise<void> {
  // Absent outside a secure context, whatever the type says.
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard !== undefined) {
    await clipboard.writeText(text)
    return
  }
  const area = document.createElement('textarea')
  area.value = text
  area.style.position = 'fixed'
  area.style.opacity = '0'
  const focused = document.activeElement
  document.body.append(area)
  area.select()
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without a secure context
  const copied = document.execCommand('copy')
  area.remove()
  if (focused instanceof HTMLElement) focused.focus()
  if (!copied) throw new Error('The browser refused to copy')
}
