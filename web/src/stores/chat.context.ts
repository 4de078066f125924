import type { StoreApi } from 'zustand/vanilla'

import type { DraftStorage } from '@/lib/draft-storage'
import { type Failure, toFailure } from '@/lib/failure'
import type { ScheduleFrame } from '@/lib/frames'
import type { StreamDeps } from '@/lib/sse'
import type { StartRun } from '@/types/api'

import type { ChatState } from './chat.types'

/** What the chat depends on, as values. */
export interface ChatDeps extends StreamDeps {
  readonly schedule: ScheduleFrame
  readonly drafts: DraftStorage
  readonly newId: () => string
  /** Something in this conversation has changed by this tab's doing: lists and other tabs want to know. */
  readonly onActivity: (conversationId: string) => void
}

/** A start that the server has not answered, or has refused. It is repeated as it was, with the same key. */
export interface Outgoing {
  readonly idempotencyKey: string
  readonly body: StartRun
  readonly onConversation?: (id: string) => void
  readonly abort: AbortController
  /** Stop was asked for before the run had an id. */
  intent: 'run' | 'stop'
}

/** A reader of a run's log. */
export interface Reader {
  readonly thread: string
  readonly runKey: string
  readonly abort: AbortController
}

/** What the parts of the chat share. */
export interface ChatContext {
  readonly store: StoreApi<ChatState>
  readonly deps: ChatDeps
  /** By the key of the active run. */
  readonly outgoing: Map<string, Outgoing>
  /** By run id, oldest first. */
  readonly readers: Map<string, Reader>
  /** Runs whose log the server refuses to show: they are not followed again. */
  readonly lost: Set<string>
}

export function failureOf(context: ChatContext, error: unknown): Failure {
  return toFailure(error, context.deps.clock.now())
}
