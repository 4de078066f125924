import { type KeyboardEvent, useCallback, useState } from 'react'

/** A button that will open something, before that something is there: what it is to be given as properties. */
export interface OpenerProps {
  readonly 'aria-haspopup': 'menu' | 'dialog'
  readonly 'aria-expanded': false
  readonly onClick: () => void
  readonly onKeyDown: (event: KeyboardEvent) => void
}

/**
 * Whether a menu or a dialog has been asked for, and what its button needs to ask for it. Until then the page has only
 * the button; from then on the menu brings its own, and is open at first.
 */
export function useOpened(kind: OpenerProps['aria-haspopup']): [boolean, OpenerProps] {
  const [opened, setOpened] = useState(false)
  const open = useCallback(() => {
    setOpened(true)
  }, [])
  return [
    opened,
    {
      'aria-haspopup': kind,
      'aria-expanded': false,
      onClick: open,
      onKeyDown: (event) => {
        if (kind !== 'menu' || event.key !== 'ArrowDown') return
        event.preventDefault()
        open()
      },
    },
  ]
}
