import { childrenOf, selectionTo, shownPath } from '@/lib/branches'
import { provisionalId } from '@/lib/fold'
import type { ChatMessage } from '@/types/chat'

import {
  type ActiveRun,
  type ChatState,
  NEW_THREAD,
  type Siblings,
  type Thread,
  type ThreadMessage,
} from './chat.types'
import { IDLE, NO_MORE, READY } from './load-state'

/** Pure changes of the chat's state. A change of one message leaves every other object as it is. */

export const EMPTY_THREAD: Thread = {
  load: IDLE,
  older: NO_MORE,
  ids: [],
  selection: {},
  runs: [],
  path: [],
  siblings: {},
}

export const INITIAL_STATE: ChatState = {
  messages: {},
  threads: {},
  drafts: {},
  newThread: NEW_THREAD,
}

/** The key under which a thread is kept: {@link NEW_THREAD} may have become a conversation. */
export function threadKey(state: ChatState, thread: string): string {
  return thread === NEW_THREAD ? state.newThread : thread
}

/** The thread, empty if it was never touched. */
export function threadOf(state: ChatState, thread: string): Thread {
  return state.threads[threadKey(state, thread)] ?? EMPTY_THREAD
}

/** A message as the server stores it. */
export function stored(message: ChatMessage, key: string = message.id): ThreadMessage {
  return { ...message, key, delivery: 'stored' }
}

/** The thread with some of its fields changed, and what follows from them. */
export function withThread(state: ChatState, key: string, change: Partial<Thread>): ChatState {
  const thread = { ...(state.threads[key] ?? EMPTY_THREAD), ...change }
  return { ...state, threads: { ...state.threads, [key]: derived(state, thread) } }
}

/** The thread with these messages in it: known ones are replaced, new ones are added. */
export function withMessages(
  state: ChatState,
  key: string,
  messages: readonly ThreadMessage[],
): ChatState {
  const thread = state.threads[key] ?? EMPTY_THREAD
  const added = messages
    .filter((message) => state.messages[message.id] === undefined)
    .map((message) => message.id)
  const known = {
    ...state,
    messages: { ...state.messages, ...Object.fromEntries(messages.map((m) => [m.id, m])) },
  }
  return added.length === 0 ? known : withThread(known, key, { ids: [...thread.ids, ...added] })
}

/** The message changed; the thread's shape stays. */
export function withMessage(
  state: ChatState,
  id: string,
  change: Partial<ThreadMessage>,
): ChatState {
  const message = state.messages[id]
  if (!message) return state
  return { ...state, messages: { ...state.messages, [id]: { ...message, ...change } } }
}

/** The thread without one of its messages. */
export function withoutMessage(state: ChatState, key: string, id: string): ChatState {
  const { [id]: removed, ...messages } = state.messages
  if (!removed) return state
  const ids = threadOf(state, key).ids.filter((other) => other !== id)
  return withThread({ ...state, messages }, key, { ids })
}

/** The thread with no message in it. */
export function withoutMessages(state: ChatState, key: string): ChatState {
  const gone = new Set(threadOf(state, key).ids)
  const messages = Object.fromEntries(
    Object.entries(state.messages).filter(([id]) => !gone.has(id)),
  )
  return withThread({ ...state, messages }, key, { ids: [], selection: {} })
}

/** The message that was shown at once becomes the stored one, in its place and with its React key. */
export function withStoredQuestion(
  state: ChatState,
  key: string,
  localId: string,
  question: ChatMessage,
): ChatState {
  const local = state.messages[localId]
  if (!local) return withMessages(state, key, [stored(question, state.messages[question.id]?.key)])
  const { [localId]: removed, ...others } = state.messages
  const thread = threadOf(state, key)
  const messages = { ...others, [question.id]: stored(question, local.key) }
  const ids = [...thread.ids.filter((id) => id !== localId && id !== question.id), question.id]
  const runs = thread.runs.map((run) =>
    run.parentId === localId ? { ...run, parentId: question.id } : run,
  )
  return withThread({ ...state, messages }, key, { ids, runs })
}

/**
 * The id under which an answer is kept. One that begins with a call has no id of its own until a token, or a page of the
 * server, names it.
 */
export function idOfAnswer(state: ChatState, key: string, answer: ChatMessage): string {
  if (answer.runId === undefined || answer.id !== provisionalId(answer.runId)) return answer.id
  const isNamed = (id: string) => {
    const message = state.messages[id]
    return message?.runId === answer.runId && message?.role === 'assistant' && id !== answer.id
  }
  return threadOf(state, key).ids.find(isNamed) ?? answer.id
}

/** The answer that was kept without an id of its own has one now: it stays in its place, with its React key. */
export function withName(state: ChatState, key: string, answer: ChatMessage): ChatState {
  const { id, role, runId } = answer
  if (runId === undefined || role !== 'assistant') return state
  const provisional = provisionalId(runId)
  const { [provisional]: before, ...messages } = state.messages
  if (!before || id === provisional) return state
  const thread = threadOf(state, key)
  const renamed = (other: string) => (other === provisional ? id : other)
  return withThread({ ...state, messages: { ...messages, [id]: { ...before, id } } }, key, {
    ids: thread.ids.map(renamed),
    selection: Object.fromEntries(
      Object.entries(thread.selection).map(([parent, child]) => [parent, renamed(child)]),
    ),
    runs: thread.runs.map((run) =>
      run.messageId === provisional ? { ...run, messageId: id } : run,
    ),
  })
}

/** The thread that had no conversation becomes `conversationId`. */
export function withConversation(state: ChatState, conversationId: string): ChatState {
  const { [NEW_THREAD]: thread, ...threads } = state.threads
  if (!thread) return state
  const { [NEW_THREAD]: draft = '', ...drafts } = state.drafts
  const moved = thread.ids.flatMap((id) => {
    const message = state.messages[id]
    return message ? [[id, { ...message, conversationId }] as const] : []
  })
  return {
    messages: { ...state.messages, ...Object.fromEntries(moved) },
    threads: { ...threads, [conversationId]: { ...thread, load: READY } },
    drafts: { ...drafts, [conversationId]: draft },
    newThread: conversationId,
  }
}

/** The thread with one more answer being made. */
export function withRun(state: ChatState, key: string, run: ActiveRun): ChatState {
  return withThread(state, key, { runs: [...threadOf(state, key).runs, run] })
}

/** One answer being made, changed; nothing happens when it is over. */
export function withRunChange(
  state: ChatState,
  key: string,
  runKey: string,
  change: (run: ActiveRun) => ActiveRun,
): ChatState {
  const { runs } = threadOf(state, key)
  const current = runs.find((run) => run.key === runKey)
  if (!current) return state
  const changed = change(current)
  if (changed === current) return state
  return withThread(state, key, { runs: runs.map((run) => (run === current ? changed : run)) })
}

/** The thread without one of the answers being made. */
export function withoutRun(state: ChatState, key: string, runKey: string): ChatState {
  return withThread(state, key, {
    runs: threadOf(state, key).runs.filter((run) => run.key !== runKey),
  })
}

/** The thread with the branch shown that `id` is on. */
export function withSelected(state: ChatState, key: string, id: string): ChatState {
  const thread = threadOf(state, key)
  return withThread(state, key, {
    selection: selectionTo(nodesOf(state, thread), thread.selection, id),
  })
}

/**
 * What a page of the server says of a message, beside what this tab knows: an answer that a reader of this tab is
 * following stays the reader's, and an answer seen to its end is not taken back by an older page.
 */
export function merged(
  local: ThreadMessage | undefined,
  page: ChatMessage,
  followed: boolean,
): ThreadMessage {
  if (!local) return stored(page)
  if (followed && local.status === 'streaming') return local
  const behind =
    page.status === 'streaming' &&
    (local.status !== 'streaming' || (page.seq ?? 0) < (local.seq ?? 0))
  if (behind) return local
  return { ...local, ...stored(page, local.key) }
}

/** The answer that ends a shown path early: until its first piece is there, nothing stands below its question. */
function pathEnd(thread: Thread): string | undefined {
  return thread.runs.findLast((run) => run.messageId === undefined)?.parentId
}

function derived(state: ChatState, thread: Thread): Thread {
  const nodes = nodesOf(state, thread)
  return {
    ...thread,
    path: same(thread.path, shownPath(nodes, thread.selection, pathEnd(thread))),
    siblings: siblingsIn(thread.siblings, nodes),
  }
}

function nodesOf(state: ChatState, thread: Thread): ThreadMessage[] {
  return thread.ids.flatMap((id) => state.messages[id] ?? [])
}

function siblingsIn(
  before: Thread['siblings'],
  nodes: readonly ThreadMessage[],
): Thread['siblings'] {
  const siblings: Record<string, Siblings> = {}
  for (const family of childrenOf(nodes).values()) {
    if (family.length < 2) continue
    const ids = family.map((node) => node.id)
    ids.forEach((id, index) => {
      const known = before[id]
      siblings[id] = known?.index === index && equal(known.ids, ids) ? known : { ids, index }
    })
  }
  return siblings
}

function same(before: readonly string[], after: readonly string[]): readonly string[] {
  return equal(before, after) ? before : after
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}
