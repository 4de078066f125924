import type { Selection } from '@/lib/branches'
import type { Failure } from '@/lib/failure'
import type { FinishReason, LiveMessage, RunError } from '@/types/chat'

import type { LoadState, MoreState } from './load-state'

/** The key of the thread that has no conversation yet; every other thread has its conversation's id as key. */
export const NEW_THREAD = 'new'

/** How far a message of this tab is on its way: `waiting` goes out when the network is back. */
export type Delivery = 'stored' | 'sending' | 'waiting' | 'failed'

/** A message as a thread shows it. */
export interface ThreadMessage extends LiveMessage {
  /** Stays the same when the message that was shown at once becomes the stored one: React's key. */
  readonly key: string
  readonly delivery: Delivery
  /** Why it was not sent. */
  readonly failure?: Failure
  /** Why its run could not go on, as far as this tab saw it. */
  readonly runError?: RunError
  /** How its run ended, if this tab saw it. */
  readonly finishReason?: FinishReason
}

/** How far an answer is: `reading` has started and has no text yet; `waiting` and `offline` have no network. */
export type RunPhase = 'sending' | 'waiting' | 'reading' | 'writing' | 'reconnecting' | 'offline'

/** An answer that is being made. */
export interface ActiveRun {
  readonly key: string
  readonly phase: RunPhase
  /** Stop was requested, and the run has not ended yet. */
  readonly stopping?: true
  /** Known as soon as the server has stored the run. */
  readonly runId?: string
  /** The message that is answered. */
  readonly parentId: string
  /** The answer, as soon as it has a first piece. */
  readonly messageId?: string
  /** While reconnecting: when it is tried again, in milliseconds since the epoch. */
  readonly retryAt?: number
}

/** A place among siblings: `ids` is empty for a message that has none. */
export interface Siblings {
  readonly ids: readonly string[]
  readonly index: number
}

/** One conversation as it is shown. */
export interface Thread {
  readonly load: LoadState
  readonly older: MoreState
  /** Where the next older page starts. */
  readonly cursor?: string | undefined
  /** All loaded messages, of every branch. */
  readonly ids: readonly string[]
  readonly selection: Selection
  /** The answers being made, oldest first. */
  readonly runs: readonly ActiveRun[]
  /** The messages of the shown branch, oldest first; follows from the rest. */
  readonly path: readonly string[]
  /** Where messages that have siblings stand among them; follows from the rest. */
  readonly siblings: Readonly<Record<string, Siblings>>
}

export interface ChatState {
  readonly messages: Readonly<Record<string, ThreadMessage>>
  readonly threads: Readonly<Record<string, Thread>>
  readonly drafts: Readonly<Record<string, string>>
  /** What {@link NEW_THREAD} stands for: itself, or the conversation that it has just become. */
  readonly newThread: string
}
