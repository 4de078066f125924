import { useEffect, useEffectEvent } from 'react'

/** What each combination does: `mod+k`, `mod+shift+o`, `escape`, `/`. `mod` is Cmd on Apple's machines, else Ctrl. */
export type Shortcuts = Readonly<Record<string, (event: KeyboardEvent) => void>>

/**
 * Listens for keyboard shortcuts on the whole page. One without `mod` is left alone while somebody types, except
 * `escape`; one that something nearer has handled already does nothing.
 */
export function useKeyboardShortcuts(shortcuts: Shortcuts): void {
  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return
    const combination = combinationOf(event)
    const action = shortcuts[combination]
    if (!action) return
    const plain = !combination.startsWith('mod+') && combination !== 'escape'
    if (plain && isTyping(event.target)) return
    event.preventDefault()
    action(event)
  })

  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      onKeyDown(event)
    }
    window.addEventListener('keydown', listener)
    return () => {
      window.removeEventListener('keydown', listener)
    }
  }, [])
}

/** The name of a key press as {@link Shortcuts} writes it. */
export function combinationOf(event: KeyboardEvent): string {
  const key = event.key.toLowerCase()
  const parts = []
  if (event.metaKey || event.ctrlKey) parts.push('mod')
  if (event.altKey) parts.push('alt')
  // Shift is part of what a sign is ("?"), and a name of its own only beside letters and named keys.
  if (event.shiftKey && (key.length > 1 || /[a-z]/.test(key))) parts.push('shift')
  return [...parts, key].join('+')
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName)
}
