import { type RunState, applyEvent, startOfRun } from '@/lib/fold'
import { batchByFrame } from '@/lib/frames'
import { createLogger } from '@/lib/logger'
import type { Waiting } from '@/lib/retry'
import { type FollowEnd, followRun } from '@/lib/sse'
import type { ChatMessage, RunEvent } from '@/types/chat'

import { type ChatContext, type Reader, failureOf } from './chat.context'
import {
  idOfAnswer,
  stored,
  withMessage,
  withMessages,
  withName,
  withRunChange,
  withSelected,
  withStoredQuestion,
  withoutRun,
} from './chat.state'
import type { ActiveRun, ChatState, RunPhase } from './chat.types'

/** Browsers open about six connections to a server over HTTP/1.1; other requests need some of them. */
const MAX_READERS = 4

const log = createLogger('chat')

/** A run to follow into its thread. */
export interface FollowedRun {
  readonly thread: string
  readonly runKey: string
  readonly runId: string
  /** The stored answer so far; its `seq` is where reading starts. */
  readonly snapshot?: ChatMessage
  /** The response that already streams the run. */
  readonly opened?: Response
  /** The new answer becomes the one that is shown among its siblings. */
  readonly select?: boolean
}

/** Follows a run to its end. Resolves to how following ended. */
export async function follow(context: ChatContext, followed: FollowedRun): Promise<FollowEnd> {
  const { deps, store, readers } = context
  const { runId, runKey, thread } = followed
  makeRoom(context, thread)
  const abort = new AbortController()
  readers.set(runId, { thread, runKey, abort })

  let run = startOfRun(runId, followed.snapshot)
  const batch = batchByFrame<RunEvent>((events) => {
    if (abort.signal.aborted) return
    const before = run
    for (const event of events)
      run = applyEvent(run, event, { conversationId: thread, now: deps.clock.now() })
    store.setState((state) => committed(state, followed, before, run))
  }, deps.schedule)

  const end = await followRun(
    {
      runId,
      after: run.lastSeq,
      ...(followed.opened && { opened: followed.opened }),
      signal: abort.signal,
      onEvent: (event) => {
        batch.push(event)
        if (event.type !== 'token') batch.flush()
      },
      onOpen: () => {
        setPhase(context, thread, runKey, run.answer?.content ? 'writing' : 'reading')
      },
      onWaiting: (waiting) => {
        batch.flush()
        setWaiting(context, thread, runKey, waiting)
      },
    },
    deps,
  )
  // Whoever made this reader leave has taken it out already.
  if (end.kind === 'left') return end
  batch.flush()
  readers.delete(runId)
  store.setState((state) => withoutRun(state, thread, runKey))
  if (end.kind === 'done') deps.onActivity(thread)
  if (end.kind === 'refused') {
    context.lost.add(runId)
    log.warn('the server does not show a run', { runId, error: end.error.message })
  }
  return end
}

/** Ends an answer whose run cannot be followed any more, when the stored message says no more either. */
export function giveUp(context: ChatContext, messageId: string, error: unknown): void {
  context.store.setState((state) => {
    if (state.messages[messageId]?.status !== 'streaming') return state
    const { code, message } = failureOf(context, error)
    return withMessage(state, messageId, {
      status: 'interrupted',
      runError: { code: code ?? 'lost', message },
    })
  })
}

/** Leaves the oldest logs that are followed for a thread other than this one; opening theirs goes on with them. */
function makeRoom(context: ChatContext, thread: string): void {
  for (const [runId, reader] of context.readers) {
    if (context.readers.size < MAX_READERS) return
    if (reader.thread === thread) continue
    leave(context, runId, reader)
  }
}

/** Follows nothing of this thread any more. */
export function leaveThread(context: ChatContext, thread: string): void {
  for (const [runId, reader] of context.readers) {
    if (reader.thread === thread) leave(context, runId, reader)
  }
}

function leave(context: ChatContext, runId: string, reader: Reader): void {
  reader.abort.abort()
  context.readers.delete(runId)
  context.store.setState((state) => withoutRun(state, reader.thread, reader.runKey))
}

function setPhase(context: ChatContext, thread: string, runKey: string, phase: RunPhase): void {
  context.store.setState((state) =>
    withRunChange(state, thread, runKey, (run) => inPhase(run, phase)),
  )
}

function setWaiting(context: ChatContext, thread: string, runKey: string, waiting: Waiting): void {
  context.store.setState((state) =>
    withRunChange(state, thread, runKey, (run) =>
      waiting.kind === 'network'
        ? inPhase(run, 'offline')
        : inPhase(run, 'reconnecting', waiting.until),
    ),
  )
}

function inPhase(run: ActiveRun, phase: RunPhase, retryAt?: number): ActiveRun {
  if (run.phase === phase && run.retryAt === retryAt) return run
  const { retryAt: _before, ...rest } = run
  return { ...rest, phase, ...(retryAt !== undefined && { retryAt }) }
}

/** The chat's state with what the run's newest events changed. */
function committed(
  state: ChatState,
  followed: FollowedRun,
  before: RunState,
  run: RunState,
): ChatState {
  const { thread, runKey } = followed
  let next = state
  if (run.question && run.question !== before.question)
    next = withStoredQuestion(next, thread, runKey, run.question)
  if (
    !run.answer ||
    (run.answer === before.answer && run.error === before.error && run.end === before.end)
  )
    return next

  next = withName(next, thread, run.answer)
  const answer = { ...run.answer, id: idOfAnswer(next, thread, run.answer) }
  next = withMessages(next, thread, [
    {
      ...stored(answer, next.messages[answer.id]?.key),
      ...(run.error && { runError: run.error }),
      ...(run.end && { finishReason: run.end.finishReason }),
    },
  ])
  next = withRunChange(next, thread, runKey, (active) => {
    const placed = active.messageId === answer.id ? active : { ...active, messageId: answer.id }
    return answer.content === '' ? placed : inPhase(placed, 'writing')
  })
  return before.answer === undefined && followed.select === true
    ? withSelected(next, thread, answer.id)
    : next
}
