import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

import type { ApiDeps } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import { OK, type Outcome, toFailure } from '@/lib/failure'
import {
  createServer,
  deleteServer,
  listServers,
  readServerLog,
  restartServer,
  signInAtServer,
  signOutAtServer,
  updateServer,
} from '@/lib/servers-api'
import { type Visibility, pageVisibility } from '@/lib/visibility'
import type { CreateMcpServer, McpLogLine, McpServer, UpdateMcpServer } from '@/types/servers'

import { IDLE, LOADING, type LoadState, READY } from './load-state'
import { tools } from './tools.store'

/** How often the servers are asked for again while one of them connects, and while none does, in milliseconds. */
export const BUSY_MS = 1_000
export const CALM_MS = 5_000

export interface ServersState {
  readonly load: LoadState
  readonly items: readonly McpServer[]
  /** What the servers said, by name, as far as somebody has asked for it. */
  readonly logs: Readonly<Record<string, readonly McpLogLine[]>>
}

export interface ServersDeps extends ApiDeps {
  readonly clock: Clock
  readonly visibility: Visibility
  /** The tools that are offered have changed. */
  readonly onTools: () => void
  /** Leaves this page for another site's. */
  readonly leave: (url: string) => void
}

export interface ServersActions {
  readonly load: () => Promise<void>
  /** Keeps the servers and the log of one of them up to date, until the returned function is called. */
  readonly watch: (log?: string) => () => void
  readonly add: (server: CreateMcpServer) => Promise<Outcome>
  readonly change: (name: string, change: UpdateMcpServer) => Promise<Outcome>
  readonly restart: (name: string) => Promise<Outcome>
  /** Leaves for the page where somebody signs in for a server. */
  readonly connect: (name: string) => Promise<Outcome>
  /** Forgets that somebody has. */
  readonly disconnect: (name: string) => Promise<Outcome>
  readonly remove: (name: string) => Promise<Outcome>
}

/** MCP servers of its own, with everything they depend on passed in. */
export function createServers(deps: ServersDeps) {
  const store = createStore<ServersState>(() => ({ load: IDLE, items: [], logs: {} }))
  let newestRequest = 0

  const failureOf = (error: unknown) => toFailure(error, deps.clock.now())

  const show = (items: readonly McpServer[]) => {
    const before = offered(store.getState().items)
    const { load } = store.getState()
    store.setState({ load: READY, items: [...items].sort((a, b) => (a.name < b.name ? -1 : 1)) })
    if (load.kind === 'ready' && offered(items) !== before) deps.onTools()
  }
  const others = (name: string) => store.getState().items.filter((server) => server.name !== name)

  const readLog = async (name: string) => {
    try {
      const { lines } = await readServerLog(name, deps)
      store.setState(({ logs }) => ({ logs: { ...logs, [name]: lines } }))
    } catch {
      // What was read stays; the next turn asks again.
    }
  }

  /** Asks for something; what the server answers is shown, and an older list does not overwrite it. */
  const attempt = async (ask: () => Promise<McpServer>): Promise<Outcome> => {
    try {
      const server = await ask()
      newestRequest += 1
      show([...others(server.name), server])
      return OK
    } catch (error) {
      return { ok: false, failure: failureOf(error) }
    }
  }

  const actions: ServersActions = {
    load: async () => {
      newestRequest += 1
      const request = newestRequest
      if (store.getState().load.kind !== 'ready') store.setState({ load: LOADING })
      try {
        const { items } = await listServers(deps)
        if (request === newestRequest) show(items)
      } catch (error) {
        if (request !== newestRequest || store.getState().load.kind === 'ready') return
        store.setState({ load: { kind: 'failed', failure: failureOf(error) } })
      }
    },

    watch: (log) => {
      let stopped = false
      let cancel: () => void = () => undefined
      const turn = async () => {
        if (deps.visibility.isVisible())
          await Promise.all([actions.load(), ...(log === undefined ? [] : [readLog(log)])])
        if (stopped) return
        const busy = store.getState().items.some(({ status }) => status === 'connecting')
        cancel = deps.clock.after(busy ? BUSY_MS : CALM_MS, () => void turn())
      }
      void turn()
      return () => {
        stopped = true
        cancel()
      }
    },

    add: (server) => attempt(() => createServer(server, deps)),
    change: (name, change) => attempt(() => updateServer(name, change, deps)),
    restart: (name) => attempt(() => restartServer(name, deps)),
    disconnect: (name) => attempt(() => signOutAtServer(name, deps)),

    connect: async (name) => {
      try {
        const { url } = await signInAtServer(name, deps)
        deps.leave(url)
        return OK
      } catch (error) {
        return { ok: false, failure: failureOf(error) }
      }
    },

    remove: async (name) => {
      try {
        await deleteServer(name, deps)
        newestRequest += 1
        show(others(name))
        return OK
      } catch (error) {
        return { ok: false, failure: failureOf(error) }
      }
    },
  }
  return { store, actions }
}

function offered(items: readonly McpServer[]): string {
  return items.flatMap(({ tools: names }) => names).join()
}

const app = createServers({
  fetch: (input, init) => fetch(input, init),
  clock: systemClock,
  visibility: pageVisibility,
  onTools: () => void tools.load(),
  leave: (url) => {
    window.location.assign(url)
  },
})

export const serversStore = app.store

/** What can be done with the MCP servers. Stable; none of it rejects. */
export const servers = app.actions

/** The MCP servers by name, and how far they are loaded. */
export function useServers(): Pick<ServersState, 'items' | 'load'> {
  return useStore(
    serversStore,
    useShallow(({ items, load }) => ({ items, load })),
  )
}

/** What a server has said; undefined until that is known. */
export function useServerLog(name: string): readonly McpLogLine[] | undefined {
  return useStore(serversStore, ({ logs }) => logs[name])
}
