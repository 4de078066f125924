import { createStore } from 'zustand/vanilla'
import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'

import {
  deleteConversation,
  getConversation,
  listConversations,
  updateConversation,
} from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import { ApiError } from '@/lib/errors'
import { OK, type Outcome, toFailure } from '@/lib/failure'
import type { Fetch } from '@/lib/fetcher'
import type { Conversation } from '@/types/chat'
import type { ConversationPage, UpdateConversation } from '@/types/api'
import type { InboxChange } from '@/types/session'

import { announceActivity } from './activity'
import { IDLE, LOADING, type LoadState, type MoreState, NO_MORE, READY, beyond } from './load-state'
import { createOptimisticItems } from './optimistic'

/** How long a deletion can be undone, in milliseconds. */
export const UNDO_MS = 6_000
/** How long typing must rest before a search is asked of the server, in milliseconds. */
export const SEARCH_REST_MS = 200
const PAGE_SIZE = 50

export interface ConversationsState {
  readonly load: LoadState
  readonly more: MoreState
  readonly cursor: string | undefined
  /** What the list is searched for; empty for the whole history. */
  readonly query: string
  readonly byId: Readonly<Record<string, Conversation>>
  /** The listed conversations, pinned ones first, then newest activity first; archived ones are not listed. */
  readonly ids: readonly string[]
  /** Deleted a moment ago: hidden, and not yet deleted on the server. */
  readonly removing: readonly string[]
}

export interface ConversationsDeps {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly onActivity: (conversationId: string) => void
}

export interface ConversationsActions {
  /** Loads the first page, unless that has been done. */
  readonly load: () => Promise<void>
  /** Brings the list up to date; what is on the screen stays until then. */
  readonly refresh: () => Promise<void>
  readonly loadMore: () => Promise<void>
  /** Makes one conversation known that the list may not reach; whether it exists is told by its thread. */
  readonly ensure: (id: string) => Promise<void>
  /** Searches titles and messages, as soon as typing rests. */
  readonly search: (query: string) => void
  readonly rename: (id: string, title: string) => Promise<Outcome>
  readonly setPinned: (id: string, pinned: boolean) => Promise<Outcome>
  /**
   * Hides the conversation at once, and deletes it when {@link UNDO_MS} have passed. Resolves when the server has
   * done so, or has refused (then it is back), or with `ok` as soon as the deletion is undone.
   */
  readonly remove: (id: string) => Promise<Outcome>
  readonly undoRemove: (id: string) => void
  /** What the server says, unasked, has changed: on this device or another one. */
  readonly hear: (change: InboxChange) => void
  /** Deletes now what waits to be deleted: the page is going away. */
  readonly flushRemovals: () => void
}

const INITIAL: ConversationsState = {
  load: IDLE,
  more: NO_MORE,
  cursor: undefined,
  query: '',
  byId: {},
  ids: [],
  removing: [],
}

interface Removal {
  readonly cancelTimer: () => void
  readonly settle: (outcome: Outcome) => void
}

/** A list of conversations of its own, with everything it depends on passed in. */
export function createConversations(deps: ConversationsDeps) {
  const store = createStore<ConversationsState>(() => INITIAL)
  const items = createOptimisticItems<Conversation>((id, item) => {
    store.setState((state) => ({ byId: { ...state.byId, [id]: item } }))
  })
  const removals = new Map<string, Removal>()
  let newestRequest = 0
  let cancelSearch: () => void = () => undefined
  let pagesAsked = 0
  /** Heard while a page was on its way, which may be older than this. */
  let heardMeanwhile: InboxChange[] = []

  const failureOf = (error: unknown) => toFailure(error, deps.clock.now())

  /** Asks for a page; `put` takes it in, and then what was heard meanwhile. */
  const fetchPage = async (cursor: string | undefined, put: (page: ConversationPage) => void) => {
    const { query } = store.getState()
    pagesAsked += 1
    try {
      const page = await listConversations(
        {
          limit: PAGE_SIZE,
          ...(cursor !== undefined && { cursor }),
          ...(query !== '' && { q: query }),
        },
        deps,
      )
      put(page)
      for (const change of heardMeanwhile) take(change)
    } finally {
      pagesAsked -= 1
      if (pagesAsked === 0) heardMeanwhile = []
    }
  }

  const fetchFirst = async () => {
    cancelSearch()
    newestRequest += 1
    const request = newestRequest
    const { load } = store.getState()
    if (load.kind !== 'ready') store.setState({ load: LOADING })
    try {
      await fetchPage(undefined, (page) => {
        if (request !== newestRequest) return
        put(...page.items)
        store.setState({
          load: READY,
          more: beyond(page.nextCursor),
          cursor: page.nextCursor,
          ids: page.items.map((item) => item.id),
        })
      })
    } catch (error) {
      if (request !== newestRequest) return
      // A list that is on the screen stays there: what failed is only its refresh.
      if (store.getState().load.kind !== 'ready')
        store.setState({ load: { kind: 'failed', failure: failureOf(error) } })
    }
  }

  const change = async (id: string, patch: UpdateConversation): Promise<Outcome> => {
    if (!store.getState().byId[id]) return OK
    try {
      await items.change(id, patch, () => updateConversation(id, patch, deps))
      deps.onActivity(id)
      return OK
    } catch (error) {
      return { ok: false, failure: failureOf(error) }
    }
  }

  /** Takes in conversations as the server has them. */
  const put = (...conversations: readonly Conversation[]) => {
    const shown = conversations.map((item) => [item.id, items.take(item.id, item)] as const)
    store.setState((state) => ({ byId: { ...state.byId, ...Object.fromEntries(shown) } }))
  }

  const unhide = (id: string) => {
    store.setState((state) => ({ removing: state.removing.filter((other) => other !== id) }))
  }

  const deleteNow = async (id: string, keepalive: boolean) => {
    const removal = removals.get(id)
    if (!removal) return
    removals.delete(id)
    removal.cancelTimer()
    try {
      await deleteConversation(id, { ...deps, keepalive })
      forget(id)
      removal.settle(OK)
      deps.onActivity(id)
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        forget(id)
        removal.settle(OK)
        return
      }
      unhide(id)
      removal.settle({ ok: false, failure: failureOf(error) })
    }
  }

  const forget = (id: string) => {
    items.forget(id)
    store.setState((state) => {
      const { [id]: gone, ...rest } = state.byId
      return {
        byId: rest,
        ids: state.ids.filter((other) => other !== id),
        removing: state.removing.filter((other) => other !== id),
      }
    })
  }

  const take = (change: InboxChange) => {
    if (change.type === 'deleted') {
      const removal = removals.get(change.conversationId)
      removals.delete(change.conversationId)
      removal?.cancelTimer()
      forget(change.conversationId)
      removal?.settle(OK)
      return
    }
    if (!('conversation' in change)) return
    const { conversation } = change
    put(conversation)
    store.setState(({ ids, load, query }) =>
      // A search finds by what only the server knows, and a list that is not there yet will have it.
      query !== '' || load.kind !== 'ready' || ids.includes(conversation.id)
        ? {}
        : { ids: [conversation.id, ...ids] },
    )
  }

  const actions: ConversationsActions = {
    load: async () => {
      const { kind } = store.getState().load
      if (kind === 'idle' || kind === 'failed') await fetchFirst()
    },
    refresh: async () => {
      // A search that typing still holds back brings the newest list itself.
      const { ids, more } = store.getState()
      if (more.kind === 'loading') return
      if (ids.length <= PAGE_SIZE) await fetchFirst()
      else await refreshTop()
    },
    loadMore: async () => {
      const { cursor, more } = store.getState()
      if (cursor === undefined || more.kind === 'loading') return
      const request = newestRequest
      store.setState({ more: { kind: 'loading' } })
      try {
        await fetchPage(cursor, (page) => {
          if (request !== newestRequest) return
          put(...page.items)
          store.setState((state) => ({
            more: beyond(page.nextCursor),
            cursor: page.nextCursor,
            ids: [...new Set([...state.ids, ...page.items.map((item) => item.id)])],
          }))
        })
      } catch (error) {
        if (request === newestRequest)
          store.setState({ more: { kind: 'failed', failure: failureOf(error) } })
      }
    },
    ensure: async (id) => {
      if (store.getState().byId[id]) return
      try {
        put(await getConversation(id, deps))
      } catch {
        // Its thread asks for it too, and has room to say what is wrong.
      }
    },
    search: (query) => {
      if (query === store.getState().query) return
      store.setState({ query })
      cancelSearch()
      cancelSearch = deps.clock.after(SEARCH_REST_MS, () => void fetchFirst())
    },
    rename: (id, title) => change(id, { title }),
    setPinned: (id, pinned) => change(id, { pinned }),
    remove: (id) =>
      new Promise((settle) => {
        if (removals.has(id)) {
          settle(OK)
          return
        }
        store.setState((state) => ({ removing: [...state.removing, id] }))
        const cancelTimer = deps.clock.after(UNDO_MS, () => void deleteNow(id, false))
        removals.set(id, { cancelTimer, settle })
      }),
    undoRemove: (id) => {
      const removal = removals.get(id)
      if (!removal) return
      removals.delete(id)
      removal.cancelTimer()
      unhide(id)
      removal.settle(OK)
    },
    hear: (change) => {
      if (pagesAsked > 0) heardMeanwhile.push(change)
      take(change)
    },
    flushRemovals: () => {
      for (const id of [...removals.keys()]) void deleteNow(id, true)
    },
  }

  /** Of a list that has grown by several pages only the top is asked for again. */
  const refreshTop = async () => {
    const request = newestRequest
    try {
      await fetchPage(undefined, (page) => {
        if (request !== newestRequest) return
        put(...page.items)
        store.setState((state) => ({
          ids: [...new Set([...page.items.map((item) => item.id), ...state.ids])],
        }))
      })
    } catch {
      // The list stays as it is; the next refresh comes with the next focus.
    }
  }

  return { store, actions }
}

/** What the history shows, in its order. */
export function listed(state: ConversationsState): Conversation[] {
  const items = state.ids.flatMap((id) => {
    const item = state.byId[id]
    return item && !item.archived && !state.removing.includes(id) ? [item] : []
  })
  return items.sort(
    (a, b) => Number(b.pinned) - Number(a.pinned) || b.updatedAt.localeCompare(a.updatedAt),
  )
}

const app = createConversations({
  fetch: (input, init) => fetch(input, init),
  clock: systemClock,
  onActivity: announceActivity,
})

export const conversationsStore = app.store

/** What can be done with the page's list of conversations. Stable; none of it rejects. */
export const conversations = app.actions

/** The history: how far it is loaded, what it shows, what lies beyond its end, and what it is searched for. */
export interface ConversationList {
  readonly load: LoadState
  readonly items: readonly Conversation[]
  readonly more: MoreState
  readonly query: string
}

/** The history as it is shown: pinned conversations first, then newest activity first. */
export function useConversationList(): ConversationList {
  const items = useStore(conversationsStore, useShallow(listed))
  const load = useStore(conversationsStore, (state) => state.load)
  const more = useStore(conversationsStore, (state) => state.more)
  const query = useStore(conversationsStore, (state) => state.query)
  return { load, items, more, query }
}

/** One conversation, if it has been listed. */
export function useConversation(id: string): Conversation | undefined {
  return useStore(conversationsStore, (state) => state.byId[id])
}
