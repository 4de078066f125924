import { type StoreApi, createStore } from 'zustand/vanilla'

import type { Clock } from '@/lib/clock'
import { type Failure, OK, type Outcome, toFailure } from '@/lib/failure'

import { IDLE, LOADING, type LoadState, READY } from './load-state'

/** A list that the server has whole, and how far it is loaded. */
export interface CollectionState<Item> {
  readonly load: LoadState
  readonly items: readonly Item[]
}

/** What came of making something that has a secret: the secret is told once. */
export type Made<Item> =
  | { readonly ok: true; readonly secret: string; readonly item: Item }
  | { readonly ok: false; readonly failure: Failure }

export interface Collection<Item> {
  readonly store: StoreApi<CollectionState<Item>>
  /** Loads the list, or brings it up to date; what is on the screen stays until then. */
  readonly load: () => Promise<void>
  /** Asks for a change. What the list is afterwards is shown once the server has made it. */
  readonly change: <Answer>(
    ask: () => Promise<Answer>,
    shown: (items: readonly Item[], answer: Answer) => readonly Item[],
  ) => Promise<Outcome>
  /** Asks for something new with a secret; it is shown first in the list. */
  readonly make: (
    ask: () => Promise<{ readonly secret: string; readonly item: Item }>,
  ) => Promise<Made<Item>>
}

/** A list of its own; `ask` gets it from the server. Nothing of it rejects. */
export function createCollection<Item>(
  ask: () => Promise<{ readonly items: readonly Item[] }>,
  clock: Clock,
): Collection<Item> {
  const store = createStore<CollectionState<Item>>(() => ({ load: IDLE, items: [] }))
  // Counts what was asked for: a list that was asked for before a change does not undo it on the screen.
  let newest = 0
  const failed = (error: unknown) =>
    ({ ok: false, failure: toFailure(error, clock.now()) }) as const
  const show = (items: readonly Item[]) => {
    newest += 1
    store.setState({ load: READY, items })
  }

  return {
    store,

    load: async () => {
      newest += 1
      const request = newest
      if (store.getState().load.kind !== 'ready') store.setState({ load: LOADING })
      try {
        const { items } = await ask()
        if (request === newest) store.setState({ load: READY, items })
      } catch (error) {
        if (request !== newest || store.getState().load.kind === 'ready') return
        store.setState({ load: { kind: 'failed', failure: toFailure(error, clock.now()) } })
      }
    },

    change: async (send, shown) => {
      try {
        const answer = await send()
        show(shown(store.getState().items, answer))
        return OK
      } catch (error) {
        return failed(error)
      }
    },

    make: async (send) => {
      try {
        const { item, secret } = await send()
        show([item, ...store.getState().items])
        return { ok: true, secret, item }
      } catch (error) {
        return failed(error)
      }
    },
  }
}

/** The list without the item that has this id. */
export function without<Item extends { readonly id: string }>(
  items: readonly Item[],
  id: string,
): readonly Item[] {
  return items.filter((item) => item.id !== id)
}
