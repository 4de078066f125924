import { joinedTexts } from '@/lib/draft-storage'

import type { ChatContext, Outgoing } from './chat.context'
import { threadKey } from './chat.state'

/** Changes the draft of a thread. */
export function setDraft(context: ChatContext, thread: string, text: string): void {
  const key = threadKey(context.store.getState(), thread)
  context.store.setState((state) => ({ ...state, drafts: { ...state.drafts, [key]: text } }))
  storeTexts(context, key)
}

/** Brings back the texts that an earlier page of this tab stored; a draft that is in memory stays. */
export function restoreDraft(context: ChatContext, thread: string): void {
  const key = threadKey(context.store.getState(), thread)
  if (context.store.getState().drafts[key] !== undefined) return
  const text = context.deps.drafts.read(key)
  context.store.setState((state) => ({ ...state, drafts: { ...state.drafts, [key]: text } }))
}

/** Moves the draft of one thread below that of another. */
export function moveDraft(context: ChatContext, from: string, to: string): void {
  restoreDraft(context, to)
  const text = draftOf(context, from)
  setDraft(context, from, '')
  setDraft(
    context,
    to,
    joinedTexts([draftOf(context, threadKey(context.store.getState(), to)), text]),
  )
}

/**
 * Stores what a reload brings back into the composer of a thread: the messages that the server has not confirmed, then the
 * draft. Call it after every change of either.
 */
export function storeTexts(context: ChatContext, thread: string): void {
  const prompts = unconfirmedIn(context, thread).map(([, { body }]) => body.prompt)
  context.deps.drafts.write(thread, joinedTexts([...prompts, draftOf(context, thread)]))
}

/** Puts the messages of a thread that the server has not confirmed back into its draft, and stops sending them. */
export function takeBackUnconfirmed(context: ChatContext, thread: string): void {
  const unconfirmed = unconfirmedIn(context, thread)
  if (unconfirmed.length === 0) return
  for (const [id, { abort }] of unconfirmed) {
    abort.abort()
    context.outgoing.delete(id)
  }
  const prompts = unconfirmed.map(([, { body }]) => body.prompt)
  setDraft(context, thread, joinedTexts([...prompts, draftOf(context, thread)]))
}

function draftOf({ store }: ChatContext, key: string): string {
  return store.getState().drafts[key] ?? ''
}

/** The messages of a thread that are on their way or failed, in the order in which they were sent. */
function unconfirmedIn({ outgoing, store }: ChatContext, thread: string): [string, Outgoing][] {
  const { messages } = store.getState()
  return [...outgoing].filter(([id]) => messages[id]?.conversationId === thread)
}
