import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

import { listModels } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import { toFailure } from '@/lib/failure'
import type { Fetch } from '@/lib/fetcher'
import { type TextStorage, browserStorage } from '@/lib/storage'
import type { Model } from '@/types/api'

import { IDLE, LOADING, type LoadState, READY } from './load-state'

const STORAGE_KEY = 'model'

export interface ModelsState {
  readonly load: LoadState
  readonly items: readonly Model[]
  /** What the person chose; undefined leaves the choice to the server. */
  readonly chosen: string | undefined
}

export interface ModelsDeps {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly storage: TextStorage
}

export interface ModelsActions {
  /** Loads the models and the choice kept from earlier; what is on the screen stays until then. */
  readonly load: () => Promise<void>
  /** Chooses a model for the messages to come, in later pages too. */
  readonly select: (id: string) => void
}

/** A list of models of its own, with everything it depends on passed in. */
export function createModels(deps: ModelsDeps) {
  const store = createStore<ModelsState>(() => ({ load: IDLE, items: [], chosen: undefined }))
  const actions: ModelsActions = {
    load: async () => {
      const { chosen, load } = store.getState()
      if (load.kind === 'loading') return
      if (load.kind !== 'ready')
        store.setState({ load: LOADING, chosen: chosen ?? deps.storage.read(STORAGE_KEY) })
      try {
        const { items } = await listModels(deps)
        store.setState({ load: READY, items })
      } catch (error) {
        if (store.getState().load.kind === 'ready') return
        store.setState({ load: { kind: 'failed', failure: toFailure(error, deps.clock.now()) } })
      }
    },
    select: (id) => {
      store.setState({ chosen: id })
      deps.storage.write(STORAGE_KEY, id)
    },
  }
  return { store, actions }
}

/** The model that the next message goes to: the person's choice while it can answer, else the server's default. */
export function selectedModel({ chosen, items }: ModelsState): Model | undefined {
  return (
    items.find((model) => model.id === chosen && model.available) ??
    items.find((model) => model.default) ??
    items.find((model) => model.available)
  )
}

const app = createModels({
  fetch: (input, init) => fetch(input, init),
  clock: systemClock,
  storage: browserStorage,
})

export const modelsStore = app.store

/** What can be done with the page's models. Stable; none of it rejects. */
export const models = app.actions

/** Every model that can, or could, answer, and how far they are loaded. */
export function useModels(): Pick<ModelsState, 'load' | 'items'> {
  return useStore(
    modelsStore,
    useShallow(({ items, load }) => ({ items, load })),
  )
}

/** The model that the next message goes to. */
export function useSelectedModel(): Model | undefined {
  return useStore(modelsStore, selectedModel)
}
