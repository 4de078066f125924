/** What the keyboard can do, as it is bound and as it is shown. */
export const SHORTCUTS = [
  { keys: 'enter', action: 'Send the message' },
  { keys: 'shift+enter', action: 'New line' },
  { keys: 'escape', action: 'Stop the answer' },
  { keys: 'mod+shift+o', action: 'New chat' },
  { keys: 'mod+k', action: 'Search and commands' },
  { keys: 'mod+b', action: 'Show or hide the history' },
  { keys: '/', action: 'Go to the message field; in it, call a tool' },
  { keys: 'a', action: 'Allow a tool, on the card that asks' },
  { keys: 'd', action: 'Deny it there' },
  { keys: '?', action: 'Keyboard shortcuts' },
] as const

export type ShortcutKeys = (typeof SHORTCUTS)[number]['keys']

const APPLE = { mod: '⌘', shift: '⇧', enter: '↵', escape: 'Esc' }
const OTHER = { mod: 'Ctrl', shift: 'Shift', enter: 'Enter', escape: 'Esc' }

function isApple(): boolean {
  return typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent)
}

/** The keys of a shortcut as they are labelled on the person's keyboard. */
export function shortcutKeys(keys: ShortcutKeys | 'f'): string[] {
  const names: Record<string, string> = isApple() ? APPLE : OTHER
  return keys.split('+').map((key) => names[key] ?? key.toUpperCase())
}

/** The same in one string: ⇧⌘O, or Ctrl+Shift+O. */
export function shortcutHint(keys: ShortcutKeys): string {
  return shortcutKeys(keys).join(isApple() ? '' : '+')
}
