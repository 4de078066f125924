import type { KeyboardEvent } from 'react'

/** A phone's keyboard has no Shift+Enter: there Enter is a new line, and the button sends. */
function isTouchKeyboard(): boolean {
  return window.matchMedia('(hover: none) and (pointer: coarse)').matches
}

/** Whether a key press in a message field sends. */
export function isSendKey(event: KeyboardEvent): boolean {
  // While an input method composes, Enter belongs to it; Safari reports that only by the key code.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  if (event.key !== 'Enter' || event.nativeEvent.isComposing || event.keyCode === 229) return false
  if (event.metaKey || event.ctrlKey) return true
  return !event.shiftKey && !event.altKey && !isTouchKeyboard()
}
