import { listMessages } from '@/lib/api'
import { ApiError } from '@/lib/errors'
import type { MessagePage } from '@/types/api'

import { type ChatContext, failureOf } from './chat.context'
import { takeBackUnconfirmed } from './chat.drafts'
import { type FollowedRun, follow, giveUp } from './chat.follow'
import {
  merged,
  threadKey,
  threadOf,
  withMessages,
  withName,
  withRun,
  withThread,
  withoutMessages,
  withoutRun,
} from './chat.state'
import { type ChatState, NEW_THREAD, type Thread, type ThreadMessage } from './chat.types'
import { LOADING, MISSING, READY, beyond } from './load-state'

export interface ChatLoader {
  /** Loads a conversation's newest page, or brings it up to date, and follows the answers that are still growing. */
  readonly open: (thread: string) => Promise<void>
  /** Brings a conversation up to date, if it is loaded. */
  readonly refresh: (thread: string) => Promise<void>
  /** A run of a conversation was heard of: if the conversation is loaded and does not know it, it is brought up to date. */
  readonly hear: (thread: string, runId: string) => Promise<void>
  /** Loads the page before the oldest loaded message. */
  readonly loadOlder: (thread: string) => Promise<void>
  /** Follows a run to its end; where its log is not to be had any more, the stored message says how it went. */
  readonly follow: (run: FollowedRun) => Promise<void>
}

export function createLoader(context: ChatContext): ChatLoader {
  const { deps, store } = context
  const loading = new Map<string, Promise<void>>()

  const loadNewest = async (thread: string) => {
    const fresh = threadOf(store.getState(), thread).load.kind !== 'ready'
    if (fresh) store.setState((state) => withThread(state, thread, { load: LOADING }))
    try {
      const page = await listMessages({ conversationId: thread }, deps)
      // The messages that are loaded go, and those that were not sent with them: their text must not.
      if (leavesGap(store.getState(), thread, page)) takeBackUnconfirmed(context, thread)
      store.setState((state) => withNewestPage(context, state, thread, page))
    } catch (error) {
      // An address with something else than an id in it (422) names no conversation either.
      const missing = error instanceof ApiError && (error.status === 404 || error.status === 422)
      // A thread that is on the screen stays there: what failed is only its refresh.
      if (!fresh && !missing) return
      const load = missing
        ? MISSING
        : ({ kind: 'failed', failure: failureOf(context, error) } as const)
      store.setState((state) => withThread(state, thread, { load }))
      return
    }
    for (const message of streamingIn(store.getState(), thread)) resume(message)
  }

  const resume = (message: ThreadMessage) => {
    const { conversationId: thread, runId } = message
    if (runId === undefined || context.readers.has(runId) || context.lost.has(runId)) return
    store.setState((state) =>
      withRun(withoutRun(state, thread, runId), thread, {
        key: runId,
        phase: message.content === '' ? 'reading' : 'writing',
        runId,
        parentId: message.parentId ?? '',
        messageId: message.id,
      }),
    )
    void loader.follow({ thread, runKey: runId, runId, snapshot: message })
  }

  const loader: ChatLoader = {
    open: (thread) => {
      const key = threadKey(store.getState(), thread)
      if (key === NEW_THREAD) return Promise.resolve()
      const known = loading.get(key)
      if (known) return known
      const load = loadNewest(key).finally(() => loading.delete(key))
      loading.set(key, load)
      return load
    },

    refresh: async (thread) => {
      if (threadOf(store.getState(), thread).load.kind === 'ready') await loader.open(thread)
    },

    hear: async (thread, runId) => {
      const state = store.getState()
      const { ids, load, runs } = threadOf(state, thread)
      // A start that has no answer yet may be that very run; the answer follows it.
      if (load.kind !== 'ready' || runs.some((run) => (run.runId ?? runId) === runId)) return
      const isKnown = ids.some((id) => {
        const message = state.messages[id]
        return message?.runId === runId && message.status !== 'streaming'
      })
      if (isKnown) return
      // A page that is on its way may be older than the run.
      await loading.get(thread)
      await loader.open(thread)
    },

    loadOlder: async (thread) => {
      const key = threadKey(store.getState(), thread)
      const { cursor, older } = threadOf(store.getState(), key)
      if (cursor === undefined || older.kind === 'loading') return
      store.setState((state) => withThread(state, key, { older: { kind: 'loading' } }))
      try {
        const page = await listMessages({ conversationId: key, cursor }, deps)
        store.setState((state) => withPage(context, state, key, page, pagingOf(page)))
      } catch (error) {
        const failure = failureOf(context, error)
        store.setState((state) => withThread(state, key, { older: { kind: 'failed', failure } }))
      }
    },

    follow: async (run) => {
      const end = await follow(context, run)
      if (end.kind !== 'refused') return
      await loader.refresh(run.thread)
      for (const message of streamingIn(store.getState(), run.thread)) {
        if (message.runId === run.runId) giveUp(context, message.id, end.error)
      }
    },
  }
  return loader
}

type Paging = Pick<Thread, 'older' | 'cursor'>

function pagingOf(page: MessagePage): Paging {
  return { older: beyond(page.nextCursor), cursor: page.nextCursor }
}

function withNewestPage(
  context: ChatContext,
  state: ChatState,
  thread: string,
  page: MessagePage,
): ChatState {
  if (isLoaded(state, thread) && meets(state, page))
    return withPage(context, state, thread, page, {})
  const start = leavesGap(state, thread, page) ? withoutMessages(state, thread) : state
  return withPage(context, start, thread, page, { load: READY, ...pagingOf(page) })
}

function isLoaded(state: ChatState, thread: string): boolean {
  return threadOf(state, thread).load.kind === 'ready'
}

function meets(state: ChatState, page: MessagePage): boolean {
  return page.items.some((message) => state.messages[message.id] !== undefined)
}

/** Whether there are messages between the loaded ones and a page: the page replaces the loaded ones then. */
function leavesGap(state: ChatState, thread: string, page: MessagePage): boolean {
  return isLoaded(state, thread) && page.nextCursor !== undefined && !meets(state, page)
}

function withPage(
  context: ChatContext,
  state: ChatState,
  thread: string,
  page: MessagePage,
  change: Partial<Thread>,
): ChatState {
  const known = page.items.reduce((named, message) => withName(named, thread, message), state)
  const messages = page.items.map((message) => {
    const followed = message.runId !== undefined && context.readers.has(message.runId)
    return merged(known.messages[message.id], message, followed)
  })
  return withMessages(withThread(known, thread, change), thread, messages)
}

function streamingIn(state: ChatState, thread: string): ThreadMessage[] {
  return threadOf(state, thread).ids.flatMap((id) => {
    const message = state.messages[id]
    return message?.status === 'streaming' ? [message] : []
  })
}
