import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

import { systemClock } from '@/lib/clock'
import { browserConnectivity } from '@/lib/connectivity'
import { browserDrafts } from '@/lib/draft-storage'
import { animationFrame } from '@/lib/frames'
import { randomId } from '@/lib/id'

import { announceActivity } from './activity'
import type { ChatContext, ChatDeps } from './chat.context'
import { moveDraft, restoreDraft, setDraft, takeBackUnconfirmed } from './chat.drafts'
import { leaveThread } from './chat.follow'
import { createLoader } from './chat.load'
import { type ChatSender, createSender } from './chat.send'
import {
  INITIAL_STATE,
  threadKey,
  threadOf,
  withSelected,
  withThread,
  withoutMessages,
} from './chat.state'
import {
  type ActiveRun,
  type ChatState,
  NEW_THREAD,
  type Siblings,
  type ThreadMessage,
} from './chat.types'
import { type LoadState, MISSING, type MoreState } from './load-state'

export { NEW_THREAD }
export type {
  ActiveRun,
  ChatState,
  Delivery,
  RunPhase,
  Siblings,
  ThreadMessage,
} from './chat.types'
export type { EditInput, RegenerateInput, SendInput } from './chat.send'

export interface ChatActions extends ChatSender {
  /** Shows a thread: its draft, its newest page, and the answers that are still growing. Cheap when it is open. */
  readonly open: (thread: string) => Promise<void>
  /** Brings a loaded thread up to date with the server. */
  readonly refresh: (thread: string) => Promise<void>
  /** A run of a conversation was heard of, on this device or another one: if it is loaded, it shows the run. */
  readonly hear: (thread: string, runId: string) => Promise<void>
  /** A conversation is gone: its thread says so. If it is `shown`, its draft and its unsent messages move to the new thread. */
  readonly dismiss: (thread: string, place: 'shown' | 'elsewhere') => void
  readonly loadOlder: (thread: string) => Promise<void>
  /** Shows the branch that a message is on. */
  readonly selectSibling: (messageId: string) => void
  readonly setDraft: (thread: string, text: string) => void
  /** Begins an empty thread; call it before going to the page of a new chat. */
  readonly startNew: () => void
}

/** A chat of its own, with everything it depends on passed in. */
export function createChat(deps: ChatDeps) {
  const store = createStore<ChatState>(() => INITIAL_STATE)
  const context: ChatContext = {
    store,
    deps,
    outgoing: new Map(),
    readers: new Map(),
    lost: new Set(),
  }
  const loader = createLoader(context)
  const actions: ChatActions = {
    ...createSender(context, loader),
    open: (thread) => {
      // The address names the conversation by now: the new thread is free to be another one.
      if (thread === store.getState().newThread) store.setState({ newThread: NEW_THREAD })
      restoreDraft(context, thread)
      return loader.open(thread)
    },
    refresh: (thread) => loader.refresh(thread),
    hear: (thread, runId) => loader.hear(thread, runId),
    dismiss: (thread, place) => {
      if (store.getState().threads[thread] === undefined) return
      leaveThread(context, thread)
      takeBackUnconfirmed(context, thread)
      store.setState((state) =>
        withThread(withoutMessages(state, thread), thread, { load: MISSING, runs: [] }),
      )
      if (place === 'shown') {
        actions.startNew()
        moveDraft(context, thread, NEW_THREAD)
      }
    },
    loadOlder: (thread) => loader.loadOlder(thread),
    selectSibling: (messageId) => {
      store.setState((state) => {
        const message = state.messages[messageId]
        return message ? withSelected(state, message.conversationId, messageId) : state
      })
    },
    setDraft: (thread, text) => {
      setDraft(context, thread, text)
    },
    startNew: () => {
      store.setState({ newThread: NEW_THREAD })
    },
  }
  return { store, actions }
}

const app = createChat({
  fetch: (input, init) => fetch(input, init),
  clock: systemClock,
  random: Math.random,
  connectivity: browserConnectivity,
  schedule: animationFrame,
  drafts: browserDrafts,
  newId: randomId,
  onActivity: announceActivity,
})

/** The page's chat: its state, for tests and tools; components use the selectors below. */
export const chatStore = app.store

/** What can be done with the page's chat. Stable; none of it rejects. */
export const chat = app.actions

/** How far a thread is loaded. */
export function useThreadLoad(thread: string): LoadState {
  return useStore(chatStore, (state) => threadOf(state, thread).load)
}

/** What lies before the oldest loaded message. */
export function useOlder(thread: string): MoreState {
  return useStore(chatStore, (state) => threadOf(state, thread).older)
}

/** The ids of the shown branch, oldest first. Tokens do not change it. */
export function useThreadPath(thread: string): readonly string[] {
  return useStore(chatStore, (state) => threadOf(state, thread).path)
}

/** React's keys for the shown branch: they survive the change from the message shown at once to the stored one. */
export function useThreadKeys(thread: string): readonly string[] {
  return useStore(
    chatStore,
    useShallow((state) => threadOf(state, thread).path.map((id) => state.messages[id]?.key ?? id)),
  )
}

/** One message. A token re-renders only the message that it belongs to. */
export function useMessage(id: string): ThreadMessage | undefined {
  return useStore(chatStore, (state) => state.messages[id])
}

/** Where a message stands among its siblings; `ids` is empty when it has none. */
export function useSiblings(id: string): Siblings {
  return useStore(chatStore, (state) => {
    const thread = state.messages[id]?.conversationId
    return (thread === undefined ? undefined : threadOf(state, thread).siblings[id]) ?? ALONE
  })
}

/** The newest answer that is being made in a thread. */
export function useActiveRun(thread: string): ActiveRun | undefined {
  return useStore(chatStore, (state) => threadOf(state, thread).runs.at(-1))
}

/** What is being written in a thread. */
export function useDraft(thread: string): string {
  return useStore(chatStore, (state) => state.drafts[threadKey(state, thread)] ?? '')
}

/** The key under which a thread is kept: `new`, or a conversation's id. */
export function useThreadKey(thread: string): string {
  return useStore(chatStore, (state) => threadKey(state, thread))
}

const ALONE: Siblings = { ids: [], index: 0 }
