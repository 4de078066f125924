import { useStore } from 'zustand'
import { createStore } from 'zustand/vanilla'

/** The jobs that the person has started from the composer of this tab, and not dismissed: their ids, oldest first. */
export const directCallsStore = createStore<readonly string[]>(() => [])

export const directCalls = {
  add: (jobId: string) => {
    directCallsStore.setState((ids) => [...ids, jobId], true)
  },
  dismiss: (jobId: string) => {
    directCallsStore.setState((ids) => ids.filter((id) => id !== jobId), true)
  },
}

/** The ids of the calls that stand above the composer. */
export function useDirectCalls(): readonly string[] {
  return useStore(directCallsStore)
}
