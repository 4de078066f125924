/** Whether the browser believes that it has a network. */
export interface Connectivity {
  readonly isOnline: () => boolean
  /** Calls `listener` on each change, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void
}

export const browserConnectivity: Connectivity = {
  isOnline: () => navigator.onLine,
  subscribe: (listener) => {
    window.addEventListener('online', listener)
    window.addEventListener('offline', listener)
    return () => {
      window.removeEventListener('online', listener)
      window.removeEventListener('offline', listener)
    }
  },
}
