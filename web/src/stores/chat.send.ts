import { joinedTexts } from '@/lib/draft-storage'
import { ApiError } from '@/lib/errors'
import { type Failure, OK, type Outcome } from '@/lib/failure'
import { cancelRun, startRun } from '@/lib/runs'
import type { StartRun } from '@/types/api'

import { type ChatContext, type Outgoing, failureOf } from './chat.context'
import { setDraft, storeTexts } from './chat.drafts'
import type { ChatLoader } from './chat.load'
import {
  threadKey,
  threadOf,
  withConversation,
  withMessage,
  withMessages,
  withRun,
  withRunChange,
  withSelected,
  withoutMessage,
  withoutRun,
} from './chat.state'
import {
  type ActiveRun,
  type ChatState,
  NEW_THREAD,
  type RunPhase,
  type ThreadMessage,
} from './chat.types'

export interface SendInput {
  readonly thread: string
  readonly text: string
  readonly model?: string | undefined
  /** Called once, in the same tick in which the new thread became this conversation. */
  readonly onConversation?: (id: string) => void
}

export interface EditInput {
  readonly thread: string
  /** A stored user message. */
  readonly messageId: string
  readonly text: string
  readonly model?: string | undefined
}

export interface RegenerateInput {
  readonly thread: string
  /** An answer, or a stored user message. */
  readonly messageId: string
  readonly model?: string | undefined
}

export interface ChatSender {
  /** Shows the message at once and starts its answer. A message that could not be sent keeps its text and its failure. */
  readonly send: (input: SendInput) => Promise<Outcome>
  /** Sends another version of a stored message, in a branch beside it. */
  readonly edit: (input: EditInput) => Promise<Outcome>
  /** Sends a failed message again, as it was. */
  readonly retry: (messageId: string) => Promise<Outcome>
  /** Takes a failed message back into the draft of its thread. */
  readonly discard: (messageId: string) => void
  /** Answers a stored user message anew, beside the answers it has. */
  readonly regenerate: (input: RegenerateInput) => Promise<Outcome>
  /** Stops the thread's newest answer, wherever it was started. */
  readonly stop: (thread: string) => Promise<Outcome>
}

const BUSY: Outcome = {
  ok: false,
  failure: {
    kind: 'unexpected',
    code: 'busy',
    message: 'An answer is still being written. Stop it first.',
  },
}

const UNSENT: Outcome = {
  ok: false,
  failure: {
    kind: 'unexpected',
    code: 'unsent',
    message: 'Send the message before it again, or take it back, first.',
  },
}

const STOPPED: Failure = {
  kind: 'unexpected',
  code: 'stopped',
  message: 'Stopped before it was sent.',
}

export function createSender(context: ChatContext, loader: ChatLoader): ChatSender {
  const { deps, outgoing, store } = context

  const outgoingOf = (body: StartRun, onConversation?: (id: string) => void): Outgoing => ({
    idempotencyKey: deps.newId(),
    body,
    abort: new AbortController(),
    intent: 'run',
    ...(onConversation && { onConversation }),
  })

  /** Asks the server for the run and follows it. Resolves as soon as the server has stored it. */
  const start = async (thread: string, runKey: string, out: Outgoing): Promise<Outcome> => {
    outgoing.set(runKey, out)
    storeTexts(context, thread)
    try {
      const started = await startRun(
        out.body,
        out.idempotencyKey,
        out.abort.signal,
        (waiting) => {
          if (out.intent === 'stop') out.abort.abort()
          else
            showWaiting(context, thread, runKey, waiting.kind === 'network' ? 'waiting' : 'sending')
        },
        deps,
      )
      const { conversationId, response, runId } = started
      outgoing.delete(runKey)
      store.setState((state) => {
        const moved = thread === NEW_THREAD ? withConversation(state, conversationId) : state
        return withRunChange(moved, conversationId, runKey, (run) => ({
          ...run,
          runId,
          phase: 'reading',
        }))
      })
      if (thread !== conversationId) storeTexts(context, thread)
      storeTexts(context, conversationId)
      if (thread === NEW_THREAD) out.onConversation?.(conversationId)
      if (out.intent === 'stop') void stopRun(conversationId, runKey, runId)
      void loader.follow({ thread: conversationId, runKey, runId, opened: response, select: true })
      deps.onActivity(conversationId)
      return OK
    } catch (error) {
      const failure = out.intent === 'stop' ? STOPPED : failureOf(context, error)
      store.setState((state) =>
        withMessage(withoutRun(state, thread, runKey), runKey, { delivery: 'failed', failure }),
      )
      return { ok: false, failure }
    }
  }

  /** Asks the server to stop a run, which shows that until its end, or until the server refuses. */
  const stopRun = async (thread: string, runKey: string, runId: string): Promise<Outcome> => {
    try {
      await cancelRun(runId, deps.fetch)
      return OK
    } catch (error) {
      // What is gone needs no stopping.
      if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return OK
      store.setState((state) => withRunChange(state, thread, runKey, withoutStopping))
      return { ok: false, failure: failureOf(context, error) }
    }
  }

  /** The state with a message that is on its way, and the run that is to answer it. */
  const shown = (
    state: ChatState,
    message: Pick<ThreadMessage, 'id' | 'conversationId' | 'content' | 'parentId'>,
  ): ChatState => {
    const { conversationId, id } = message
    const sending: ThreadMessage = {
      ...message,
      key: id,
      role: 'user',
      createdAt: new Date(deps.clock.now()).toISOString(),
      status: 'complete',
      delivery: 'sending',
    }
    return withRun(withMessages(state, conversationId, [sending]), conversationId, {
      key: id,
      phase: 'sending',
      parentId: id,
    })
  }

  return {
    send: async ({ model, onConversation, text, thread }) => {
      const state = store.getState()
      const key = threadKey(state, thread)
      const { path, runs } = threadOf(state, key)
      if (runs.length > 0) return BUSY
      if (path.some((id) => state.messages[id]?.delivery === 'failed')) return UNSENT
      const parentId = path.findLast((id) => state.messages[id]?.delivery === 'stored')
      const localId = `local-${deps.newId()}`
      store.setState((before) =>
        shown(
          { ...before, drafts: { ...before.drafts, [key]: '' } },
          { id: localId, conversationId: key, content: text, ...(parentId && { parentId }) },
        ),
      )
      const body: StartRun = {
        prompt: text,
        ...(key !== NEW_THREAD && { conversationId: key }),
        ...(key !== NEW_THREAD && parentId !== undefined && { parentId }),
        ...(model !== undefined && { model }),
      }
      return start(key, localId, outgoingOf(body, onConversation))
    },

    edit: async ({ messageId, model, text, thread }) => {
      const state = store.getState()
      const key = threadKey(state, thread)
      const original = state.messages[messageId]
      if (original?.delivery !== 'stored' || original.role !== 'user') return OK
      if (threadOf(state, key).runs.length > 0) return BUSY
      const localId = `local-${deps.newId()}`
      const { parentId } = original
      store.setState((before) =>
        withSelected(
          shown(before, {
            id: localId,
            conversationId: key,
            content: text,
            ...(parentId && { parentId }),
          }),
          key,
          localId,
        ),
      )
      const body: StartRun = {
        prompt: text,
        conversationId: key,
        editOf: messageId,
        ...(model !== undefined && { model }),
      }
      return start(key, localId, outgoingOf(body))
    },

    retry: async (messageId) => {
      const message = store.getState().messages[messageId]
      const before = outgoing.get(messageId)
      if (message?.delivery !== 'failed' || !before) return OK
      const thread = message.conversationId
      if (threadOf(store.getState(), thread).runs.length > 0) return BUSY
      store.setState((state) => {
        const { failure, ...rest } = message
        const messages = {
          ...state.messages,
          [messageId]: { ...rest, delivery: 'sending' as const },
        }
        return withRun({ ...state, messages }, thread, {
          key: messageId,
          phase: 'sending',
          parentId: messageId,
        })
      })
      return start(thread, messageId, { ...before, abort: new AbortController(), intent: 'run' })
    },

    discard: (messageId) => {
      const message = store.getState().messages[messageId]
      if (message?.delivery !== 'failed') return
      const thread = message.conversationId
      outgoing.delete(messageId)
      store.setState((state) => withoutMessage(state, thread, messageId))
      const draft = store.getState().drafts[thread] ?? ''
      setDraft(context, thread, joinedTexts([message.content, draft]))
    },

    regenerate: async ({ messageId, model, thread }) => {
      const state = store.getState()
      const key = threadKey(state, thread)
      const message = state.messages[messageId]
      const parentId = message?.role === 'user' ? message.id : message?.parentId
      if (parentId === undefined) return OK
      if (threadOf(state, key).runs.length > 0) return BUSY
      const runKey = `regenerate-${deps.newId()}`
      store.setState((before) => withRun(before, key, { key: runKey, phase: 'sending', parentId }))
      const outcome = await start(
        key,
        runKey,
        outgoingOf({ conversationId: key, parentId, ...(model !== undefined && { model }) }),
      )
      outgoing.delete(runKey)
      return outcome
    },

    stop: async (thread) => {
      const key = threadKey(store.getState(), thread)
      const run = threadOf(store.getState(), key).runs.at(-1)
      if (!run || run.stopping) return OK
      store.setState((state) =>
        withRunChange(state, key, run.key, (active) => ({ ...active, stopping: true })),
      )
      if (run.runId !== undefined) return stopRun(key, run.key, run.runId)
      stopBeforeStart(outgoing.get(run.key), run.phase)
      return OK
    },
  }
}

/** A request on its way may have started the run already: it is stopped as soon as it has an id. */
function stopBeforeStart(out: Outgoing | undefined, phase: RunPhase): void {
  if (!out) return
  out.intent = 'stop'
  if (phase === 'waiting') out.abort.abort()
}

function withoutStopping(run: ActiveRun): ActiveRun {
  const { stopping, ...rest } = run
  return rest
}

function showWaiting(
  context: ChatContext,
  thread: string,
  runKey: string,
  phase: 'waiting' | 'sending',
): void {
  context.store.setState((state) =>
    withMessage(
      withRunChange(state, thread, runKey, (run) => ({ ...run, phase })),
      runKey,
      { delivery: phase },
    ),
  )
}
