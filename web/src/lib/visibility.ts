/** Whether somebody may be looking at the page. */
export interface Visibility {
  readonly isVisible: () => boolean
  /** Calls `listener` on each change, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void
}

export const pageVisibility: Visibility = {
  isVisible: () => document.visibilityState === 'visible',
  subscribe: (listener) => {
    document.addEventListener('visibilitychange', listener)
    return () => {
      document.removeEventListener('visibilitychange', listener)
    }
  },
}
