import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

import { listTools, setPermission } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import { OK, type Outcome, toFailure } from '@/lib/failure'
import type { Fetch } from '@/lib/fetcher'
import type { SetPermission, ToolInfo } from '@/types/tools'

import { IDLE, LOADING, type LoadState, READY } from './load-state'

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
  /** The newest change of a tool's permission: the next one waits for it, so that the last word counts. */
  const changes = new Map<string, Promise<unknown>>()

  const put = (tool: ToolInfo) => {
    store.setState(({ items }) => ({
      items: items.map((other) => (other.name === tool.name ? tool : other)),
    }))
  }
  const find = (name: string) => store.getState().items.find((tool) => tool.name === name)

  const actions: ToolsActions = {
    load: async () => {
      const { load } = store.getState()
      if (load.kind === 'loading') return
      if (load.kind !== 'ready') store.setState({ load: LOADING })
      try {
        const { items } = await listTools(deps)
        // A change that is on its way is newer than this list.
        store.setState((state) => ({
          load: READY,
          items: items.map((tool) =>
            changes.has(tool.name)
              ? (state.items.find(({ name }) => name === tool.name) ?? tool)
              : tool,
          ),
        }))
      } catch (error) {
        if (store.getState().load.kind === 'ready') return
        store.setState({ load: { kind: 'failed', failure: toFailure(error, deps.clock.now()) } })
      }
    },

    permit: async (name, change) => {
      const before = find(name)
      if (!before) return OK
      const wanted = { ...before, ...change }
      put(wanted)
      const asked = (changes.get(name) ?? Promise.resolve()).then(() =>
        setPermission(
          name,
          {
            permission: wanted.permission,
            ...(change.rules !== undefined && { rules: change.rules }),
          },
          deps,
        ),
      )
      const settled = asked.catch(() => undefined)
      changes.set(name, settled)
      const isNewest = () => changes.get(name) === settled
      try {
        const tool = await asked
        if (isNewest()) put(tool)
        return OK
      } catch (error) {
        if (isNewest()) put(before)
        return { ok: false, failure: toFailure(error, deps.clock.now()) }
      } finally {
        if (isNewest()) changes.delete(name)
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
