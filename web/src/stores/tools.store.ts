import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

import { listTools, setPermission } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import { OK, type Outcome, toFailure } from '@/lib/failure'
import type { Fetch } from '@/lib/fetcher'
import type { SetPermission, ToolInfo } from '@/types/tools'

import { IDLE, LOADING, type LoadState, READY } from './load-state'
import { createOptimisticItems } from './optimistic'

export interface ToolsState {
  readonly load: LoadState
  readonly items: readonly ToolInfo[]
}

export interface ToolsDeps {
  readonly fetch: Fetch
  readonly clock: Clock
}

export interface ToolsActions {
  /** Loads the tools, or brings them up to date; what is on the screen stays until then. */
  readonly load: () => Promise<void>
  /** Shows at once what a tool is permitted, asks for it, and takes it back when the server refuses. */
  readonly permit: (tool: string, change: Partial<SetPermission>) => Promise<Outcome>
}

/** A list of tools of its own, with everything it depends on passed in. */
export function createTools(deps: ToolsDeps) {
  const store = createStore<ToolsState>(() => ({ load: IDLE, items: [] }))
  const items = createOptimisticItems<ToolInfo>((name, tool) => {
    store.setState((state) => ({
      items: state.items.map((other) => (other.name === name ? tool : other)),
    }))
  })

  const actions: ToolsActions = {
    load: async () => {
      const { load } = store.getState()
      if (load.kind === 'loading') return
      if (load.kind !== 'ready') store.setState({ load: LOADING })
      try {
        const list = await listTools(deps)
        store.setState({
          load: READY,
          items: list.items.map((tool) => items.take(tool.name, tool)),
        })
      } catch (error) {
        if (store.getState().load.kind === 'ready') return
        store.setState({ load: { kind: 'failed', failure: toFailure(error, deps.clock.now()) } })
      }
    },

    permit: async (name, change) => {
      try {
        await items.change(name, change, ({ permission }) =>
          setPermission(name, { permission, ...change }, deps),
        )
        return OK
      } catch (error) {
        return { ok: false, failure: toFailure(error, deps.clock.now()) }
      }
    },
  }
  return { store, actions }
}

const app = createTools({ fetch: (input, init) => fetch(input, init), clock: systemClock })

export const toolsStore = app.store

/** What can be done with the page's tools. Stable; none of it rejects. */
export const tools = app.actions

/** Every tool by name, and how far they are loaded. */
export function useTools(): ToolsState {
  return useStore(
    toolsStore,
    useShallow((state) => state),
  )
}

/** One tool, if it is known. */
export function useTool(name: string): ToolInfo | undefined {
  return useStore(toolsStore, ({ items }) => items.find((tool) => tool.name === name))
}
