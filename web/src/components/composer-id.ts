/** The id of the message field, for the skip link and the shortcut that go to it. */
export const COMPOSER_ID = 'composer'

/** Brings the focus to the message field; not on a touch screen, where that opens the keyboard over the page. */
export function focusComposer(): void {
  if (window.matchMedia('(pointer: coarse)').matches) return
  document.getElementById(COMPOSER_ID)?.focus()
}
