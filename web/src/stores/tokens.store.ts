import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'

import { createToken, listTokens, revokeToken } from '@/lib/account'
import type { ApiDeps } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import type { ApiToken, CreateApiToken } from '@/types/account'

import { type CollectionState, createCollection, without } from './collection'

/** A person's API tokens, with everything they depend on passed in. */
export function createTokens(deps: ApiDeps & { readonly clock: Clock }) {
  const { change, load, make, store } = createCollection(() => listTokens(deps), deps.clock)
  const actions = {
    load,
    create: (token: CreateApiToken) => make(() => createToken(token, deps)),
    revoke: (id: string) =>
      change(
        () => revokeToken(id, deps),
        (items) => without(items, id),
      ),
  }
  return { store, actions }
}

const app = createTokens({ fetch: (input, init) => fetch(input, init), clock: systemClock })

/** What can be done with the API tokens. Stable; none of it rejects. */
export const tokens = app.actions

/** The person's API tokens, the newest first. */
export function useTokens(): CollectionState<ApiToken> {
  return useStore(
    app.store,
    useShallow((state) => state),
  )
}
