import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

export interface ConnectionState {
  /** Whether news come by themselves: `live` is when they do, `off` before anybody has asked for them. */
  readonly news: 'off' | 'resting' | 'connecting' | 'live' | 'waiting' | 'refused'
  /** Whether the server answers; `away` only when it has been silent for longer than a restart takes. */
  readonly server: 'there' | 'away'
}

export const connectionStore = createStore<ConnectionState>(() => ({
  news: 'off',
  server: 'there',
}))

/** How the page is connected to the server. */
export function useConnection(): ConnectionState {
  return useStore(
    connectionStore,
    useShallow((state) => state),
  )
}
