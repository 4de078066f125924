import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

import {
  changePassword,
  createAccount,
  deleteMe,
  getAuthState,
  getMe,
  signIn,
  signOut,
  updateMe,
} from '@/lib/account'
import type { ApiDeps } from '@/lib/api'
import { type Clock, systemClock } from '@/lib/clock'
import { type DraftStorage, browserDrafts } from '@/lib/draft-storage'
import { OK, type Outcome, toFailure } from '@/lib/failure'
import { PERSON_KEY, type TextStorage, browserStorage } from '@/lib/storage'
import type {
  AuthState,
  ChangePassword,
  CreateAccount,
  Credentials,
  DeleteAccount,
  Me,
} from '@/types/account'

import { IDLE, LOADING, type LoadState, READY } from './load-state'

export interface AccountState {
  readonly load: LoadState
  /** Who uses this browser; undefined until that is known. */
  readonly me: Me | undefined
}

export interface AuthInfo {
  readonly load: LoadState
  /** How people sign in here; undefined until that is known. */
  readonly auth: AuthState | undefined
}

export interface AccountDeps extends ApiDeps {
  readonly clock: Clock
  readonly storage: TextStorage
  /** What was being written in this browser, by whomever. */
  readonly drafts: Pick<DraftStorage, 'forget'>
}

export interface AccountActions {
  /** Asks who uses this browser; what is known stays until then. */
  readonly load: () => Promise<void>
  /** Asks how people sign in here. */
  readonly loadAuth: () => Promise<void>
  readonly signIn: (credentials: Credentials) => Promise<Outcome>
  /** Makes an account with the secret of a link, and signs in. */
  readonly create: (kind: 'setup' | 'join', account: CreateAccount) => Promise<Outcome>
  /** Signs this browser out, and forgets what was being written in it. */
  readonly signOut: () => Promise<Outcome>
  readonly rename: (name: string) => Promise<Outcome>
  readonly changePassword: (change: ChangePassword) => Promise<Outcome>
  /** Deletes the account, and what this browser kept of it. */
  readonly remove: (confirmation: DeleteAccount) => Promise<Outcome>
}

/** An account of its own, with everything it depends on passed in. */
export function createAccountStore(deps: AccountDeps) {
  const store = createStore<AccountState>(() => ({ load: IDLE, me: undefined }))
  const authStore = createStore<AuthInfo>(() => ({ load: IDLE, auth: undefined }))
  const failureOf = (error: unknown) => toFailure(error, deps.clock.now())

  const attempt = async (ask: () => Promise<void>): Promise<Outcome> => {
    try {
      await ask()
      return OK
    } catch (error) {
      return { ok: false, failure: failureOf(error) }
    }
  }
  const enter = (me: Me) => {
    // What somebody else was writing in this browser is none of this person's business.
    const before = deps.storage.read(PERSON_KEY)
    if (before !== undefined && before !== me.id) deps.drafts.forget()
    deps.storage.write(PERSON_KEY, me.id)
    store.setState({ load: READY, me })
  }

  const leave = () => {
    deps.drafts.forget()
    deps.storage.write(PERSON_KEY, '')
  }

  const actions: AccountActions = {
    load: async () => {
      if (store.getState().me === undefined) store.setState({ load: LOADING })
      try {
        store.setState({ load: READY, me: await getMe(deps) })
      } catch (error) {
        if (store.getState().me !== undefined) return
        store.setState({ load: { kind: 'failed', failure: failureOf(error) } })
      }
    },

    loadAuth: async () => {
      authStore.setState({ load: LOADING })
      try {
        authStore.setState({ load: READY, auth: await getAuthState(deps) })
      } catch (error) {
        authStore.setState({ load: { kind: 'failed', failure: failureOf(error) } })
      }
    },

    signIn: (credentials) =>
      attempt(async () => {
        enter(await signIn(credentials, deps))
      }),
    create: (kind, account) =>
      attempt(async () => {
        enter(await createAccount(kind, account, deps))
      }),
    signOut: () =>
      attempt(async () => {
        await signOut(deps)
        leave()
      }),
    rename: (name) =>
      attempt(async () => {
        store.setState({ me: await updateMe({ name }, deps) })
      }),
    changePassword: (change) => attempt(() => changePassword(change, deps)),
    remove: (confirmation) =>
      attempt(async () => {
        await deleteMe(confirmation, deps)
        leave()
      }),
  }
  return { store, authStore, actions }
}

const app = createAccountStore({
  fetch: (input, init) => fetch(input, init),
  clock: systemClock,
  storage: browserStorage,
  drafts: browserDrafts,
})

export const accountStore = app.store

/** What can be done with the person's account. Stable; none of it rejects. */
export const account = app.actions

/** Who uses this browser, and how far that is known. */
export function useAccount(): AccountState {
  return useStore(
    accountStore,
    useShallow((state) => state),
  )
}

/** How people sign in here, and how far that is known. */
export function useAuth(): AuthInfo {
  return useStore(
    app.authStore,
    useShallow((state) => state),
  )
}
