import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'

import { deletePerson, listPeople, updatePerson } from '@/lib/account'
import type { ApiDeps } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import type { Person, UpdatePerson } from '@/types/account'

import { type CollectionState, createCollection, without } from './collection'

/** Everyone who has an account, with everything it depends on passed in. */
export function createPeople(deps: ApiDeps & { readonly clock: Clock }) {
  const { change, load, store } = createCollection(() => listPeople(deps), deps.clock)
  const actions = {
    load,
    update: (id: string, changes: UpdatePerson) =>
      change(
        () => updatePerson(id, changes, deps),
        (items, person) => items.map((item) => (item.id === id ? person : item)),
      ),
    remove: (id: string) =>
      change(
        () => deletePerson(id, deps),
        (items) => without(items, id),
      ),
  }
  return { store, actions }
}

const app = createPeople({ fetch: (input, init) => fetch(input, init), clock: systemClock })

/** What an administrator can do with people. Stable; none of it rejects. */
export const people = app.actions

/** Everyone who has an account, by name. */
export function usePeople(): CollectionState<Person> {
  return useStore(
    app.store,
    useShallow((state) => state),
  )
}
