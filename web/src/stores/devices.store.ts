import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'

import { listDevices, signOutDevice } from '@/lib/account'
import type { ApiDeps } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import type { Device } from '@/types/account'

import { type CollectionState, createCollection, without } from './collection'

/** Where a person is signed in, with everything it depends on passed in. */
export function createDevices(deps: ApiDeps & { readonly clock: Clock }) {
  const { change, load, store } = createCollection(() => listDevices(deps), deps.clock)
  const actions = {
    load,
    /** Signs a device out: what it has open ends within a second. */
    signOut: (id: string) =>
      change(
        () => signOutDevice(id, deps),
        (items) => without(items, id),
      ),
    signOutOthers: () =>
      change(
        () => signOutDevice(undefined, deps),
        (items) => items.filter(({ current }) => current),
      ),
  }
  return { store, actions }
}

const app = createDevices({ fetch: (input, init) => fetch(input, init), clock: systemClock })

/** What can be done with the devices. Stable; none of it rejects. */
export const devices = app.actions

/** Where the person is signed in, the last used first. */
export function useDevices(): CollectionState<Device> {
  return useStore(
    app.store,
    useShallow((state) => state),
  )
}
