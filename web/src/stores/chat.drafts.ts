import type { ChatContext } from './chat.context'
import { threadKey } from './chat.state'

/** Keeps what is being written in a thread, through a reload too. */
export function setDraft(context: ChatContext, thread: string, text: string): void {
  const key = threadKey(context.store.getState(), thread)
  context.store.setState((state) => ({ ...state, drafts: { ...state.drafts, [key]: text } }))
  context.deps.storage.write(`draft.${key}`, text)
}

/** Brings a draft back that an earlier page kept; one that is in memory already stays. */
export function restoreDraft(context: ChatContext, thread: string): void {
  const key = threadKey(context.store.getState(), thread)
  if (context.store.getState().drafts[key] !== undefined) return
  const text = context.deps.storage.read(`draft.${key}`) ?? ''
  context.store.setState((state) => ({ ...state, drafts: { ...state.drafts, [key]: text } }))
}

/** Moves what is being written in one thread to another, unless something is being written there already. */
export function moveDraft(context: ChatContext, from: string, to: string): void {
  restoreDraft(context, to)
  const { drafts } = context.store.getState()
  const text = drafts[threadKey(context.store.getState(), from)] ?? ''
  setDraft(context, from, '')
  if (text !== '' && (drafts[threadKey(context.store.getState(), to)] ?? '') === '')
    setDraft(context, to, text)
}
