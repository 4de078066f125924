import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'

import { createInvite, listInvites, revokeInvite } from '@/lib/account'
import type { ApiDeps } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import type { CreateInvite, Invite } from '@/types/account'

import { type CollectionState, createCollection, without } from './collection'

/** The invites that are still good, with everything they depend on passed in. */
export function createInvites(deps: ApiDeps & { readonly clock: Clock }) {
  const { change, load, make, store } = createCollection(() => listInvites(deps), deps.clock)
  const actions = {
    load,
    create: (invite: CreateInvite) => make(() => createInvite(invite, deps)),
    revoke: (id: string) =>
      change(
        () => revokeInvite(id, deps),
        (items) => without(items, id),
      ),
  }
  return { store, actions }
}

const app = createInvites({ fetch: (input, init) => fetch(input, init), clock: systemClock })

/** What an administrator can do with invites. Stable; none of it rejects. */
export const invites = app.actions

/** The invites that are still good, the newest first. */
export function useInvites(): CollectionState<Invite> {
  return useStore(
    app.store,
    useShallow((state) => state),
  )
}
