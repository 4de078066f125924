import { useStore } from 'zustand'
import { createStore } from 'zustand/vanilla'

import { decideApproval, getJob, listApprovals } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import { ApiError } from '@/lib/errors'
import { type Failure, OK, type Outcome, toFailure } from '@/lib/failure'
import type { Fetch } from '@/lib/fetcher'
import type { InboxChange } from '@/types/session'
import type { Approval } from '@/types/chat'
import type { DecideApproval, Job, PendingApproval, Question } from '@/types/tools'

/** How far the person's word on a call is. */
export type Word =
  | { readonly kind: 'sending' }
  /** It could not be given; the call still waits. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The call waits no more. `approval` is absent when it was not learned what was decided. */
  | { readonly kind: 'settled'; readonly approval?: Approval }

export interface ApprovalsState {
  /** The calls that wait for the person's word, oldest first. */
  readonly items: readonly PendingApproval[]
  /** What tools ask in the middle of a call, oldest first. */
  readonly questions: readonly Question[]
  /** By the call's id, as far as this tab knows. */
  readonly words: Readonly<Record<string, Word>>
}

export interface ApprovalsDeps {
  readonly fetch: Fetch
  readonly clock: Clock
}

export interface ApprovalsActions {
  /** Brings the list up to date; what is on the screen stays when that fails. */
  readonly load: () => Promise<void>
  /** Takes in what was heard of a call that waits, or waits no more. */
  readonly hear: (change: InboxChange) => void
  /** Takes a question off the list: it waits no more. */
  readonly settleQuestion: (id: string) => void
  /** Gives the person's word on a call. Where somebody was faster, it is that word which counts, and no failure. */
  readonly decide: (id: string, decision: DecideApproval) => Promise<Outcome>
}

/** An inbox of approvals of its own, with everything it depends on passed in. */
export function createApprovals(deps: ApprovalsDeps) {
  const store = createStore<ApprovalsState>(() => ({ items: [], questions: [], words: {} }))
  /** A list that is older than that does not bring them back. */
  const answered = new Set<string>()

  const say = (id: string, word: Word) => {
    store.setState((state) => ({
      words: { ...state.words, [id]: word },
      items: word.kind === 'settled' ? state.items.filter((item) => item.id !== id) : state.items,
    }))
  }
  const settle = (id: string, { approval }: Pick<Job, 'approval'>) => {
    say(id, {
      kind: 'settled',
      ...(approval !== undefined && approval !== 'pending' && { approval }),
    })
  }
  const isSettled = (id: string) => store.getState().words[id]?.kind === 'settled'

  const actions: ApprovalsActions = {
    load: async () => {
      const before = store.getState()
      try {
        const list = await listApprovals(deps)
        // The list may be older than events that arrived meanwhile: of new calls and questions, and of decided ones.
        store.setState((state) => ({
          items: [
            ...list.items.filter(({ id }) => !isSettled(id)),
            ...addedSince(before.items, state.items, list.items),
          ],
          questions: [
            ...list.questions.filter(({ id }) => !answered.has(id)),
            ...addedSince(before.questions, state.questions, list.questions),
          ],
        }))
      } catch {
        // It is asked for again with the next sign of life; the cards in the answers stand on their own.
      }
    },

    hear: (change) => {
      if (change.type === 'approval_requested') {
        const { pending } = change
        if (isSettled(pending.id)) return
        store.setState(({ items }) => ({
          items: [...items.filter(({ id }) => id !== pending.id), pending],
        }))
      }
      if (change.type === 'question_asked') {
        const { question } = change
        if (answered.has(question.id)) return
        store.setState(({ questions }) => ({
          questions: [...questions.filter(({ id }) => id !== question.id), question],
        }))
      }
      if (change.type === 'question_settled') actions.settleQuestion(change.id)
      if (change.type === 'approval_settled' && !isSettled(change.id)) {
        // A word of this tab that is on its way will say more than that it was given.
        const word = store.getState().words[change.id]
        if (word?.kind === 'sending')
          store.setState(({ items }) => ({ items: items.filter(({ id }) => id !== change.id) }))
        else settle(change.id, {})
      }
    },

    settleQuestion: (settled) => {
      answered.add(settled)
      store.setState(({ questions }) => ({
        questions: questions.filter(({ id }) => id !== settled),
      }))
    },

    decide: async (id, decision) => {
      if (store.getState().words[id]?.kind === 'sending' || isSettled(id)) return OK
      say(id, { kind: 'sending' })
      try {
        settle(id, await decideApproval(id, decision, deps))
        return OK
      } catch (error) {
        const wasFaster = error instanceof ApiError && error.code === 'already_decided'
        if (wasFaster) {
          settle(id, await getJob(id, deps).catch(() => ({})))
          return OK
        }
        if (error instanceof ApiError && error.status === 404) {
          settle(id, {})
          return OK
        }
        const failure = toFailure(error, deps.clock.now())
        say(id, { kind: 'failed', failure })
        return { ok: false, failure }
      }
    },
  }
  return { store, actions }
}

/** Entries that are in `now`, but neither in `before` nor in `listed`. */
function addedSince<T extends { readonly id: string }>(
  before: readonly T[],
  now: readonly T[],
  listed: readonly T[],
): T[] {
  const known = new Set([...before, ...listed].map(({ id }) => id))
  return now.filter(({ id }) => !known.has(id))
}

const app = createApprovals({ fetch: (input, init) => fetch(input, init), clock: systemClock })

export const approvalsStore = app.store

/** What can be done with what waits for the person's word. Stable; none of it rejects. */
export const approvals = app.actions

/** The calls that wait for the person's word, oldest first. */
export function usePendingApprovals(): readonly PendingApproval[] {
  return useStore(approvalsStore, (state) => state.items)
}

/** What tools ask in the middle of a call, oldest first. */
export function useQuestions(): readonly Question[] {
  return useStore(approvalsStore, (state) => state.questions)
}

/** How far the person's word on a call is; undefined before this tab knows of any. */
export function useWord(id: string): Word | undefined {
  return useStore(approvalsStore, (state) => state.words[id])
}
