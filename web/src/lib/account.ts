import type {
  ApiTokenList,
  AuthState,
  ChangePassword,
  CreateAccount,
  CreateApiToken,
  CreatedApiToken,
  CreatedInvite,
  CreateInvite,
  Credentials,
  DeleteAccount,
  DeviceList,
  InviteList,
  Me,
  Person,
  PersonList,
  UpdateMe,
  UpdatePerson,
} from '@/types/account'

import type { ApiDeps } from './api'
import { request, requestJson } from './fetcher'

/** Whether people sign in, and how. Needs no sign-in. */
export function getAuthState(deps: ApiDeps): Promise<AuthState> {
  return requestJson('/api/auth', (v) => v.zAuthState, deps)
}

/** Signs this browser in. */
export function signIn(credentials: Credentials, deps: ApiDeps): Promise<Me> {
  return requestJson('/api/auth/sign-in', (v) => v.zMe, {
    ...deps,
    method: 'POST',
    body: { schema: (v) => v.zCredentials, value: credentials },
  })
}

/** Makes an account and signs this browser in: the first administrator's by `setup`, anyone else's by `join`. */
export function createAccount(
  kind: 'setup' | 'join',
  account: CreateAccount,
  deps: ApiDeps,
): Promise<Me> {
  return requestJson(`/api/auth/${kind}`, (v) => v.zMe, {
    ...deps,
    method: 'POST',
    body: { schema: (v) => v.zCreateAccount, value: account },
  })
}

/** Signs this browser out. Safe to repeat. */
export async function signOut(deps: ApiDeps): Promise<void> {
  await request('/api/auth/sign-out', { ...deps, method: 'POST' })
}

/** Who asks. */
export function getMe(deps: ApiDeps): Promise<Me> {
  return requestJson('/api/me', (v) => v.zMe, deps)
}

/** One's own account with the given changes made. */
export function updateMe(change: UpdateMe, deps: ApiDeps): Promise<Me> {
  return requestJson('/api/me', (v) => v.zMe, {
    ...deps,
    method: 'PATCH',
    body: { schema: (v) => v.zUpdateMe, value: change },
  })
}

/** Deletes one's own account with everything in it. */
export async function deleteMe(confirmation: DeleteAccount, deps: ApiDeps): Promise<void> {
  await request('/api/me', {
    ...deps,
    method: 'DELETE',
    body: { schema: (v) => v.zDeleteAccount, value: confirmation },
  })
}

/** Changes the password, and signs every other device out. */
export async function changePassword(change: ChangePassword, deps: ApiDeps): Promise<void> {
  await request('/api/me/password', {
    ...deps,
    method: 'PUT',
    body: { schema: (v) => v.zChangePassword, value: change },
  })
}

/** The devices one is signed in on, the last used first. */
export function listDevices(deps: ApiDeps): Promise<DeviceList> {
  return requestJson('/api/me/devices', (v) => v.zDeviceList, deps)
}

/** Signs a device out; without an id every one but this. */
export async function signOutDevice(id: string | undefined, deps: ApiDeps): Promise<void> {
  await request(id === undefined ? '/api/me/devices' : `/api/me/devices/${id}`, {
    ...deps,
    method: 'DELETE',
  })
}

/** One's API tokens, the newest first. */
export function listTokens(deps: ApiDeps): Promise<ApiTokenList> {
  return requestJson('/api/me/tokens', (v) => v.zApiTokenList, deps)
}

/** Makes an API token; its secret is told only now. */
export function createToken(token: CreateApiToken, deps: ApiDeps): Promise<CreatedApiToken> {
  return requestJson('/api/me/tokens', (v) => v.zCreatedApiToken, {
    ...deps,
    method: 'POST',
    body: { schema: (v) => v.zCreateApiToken, value: token },
  })
}

/** Makes an API token worthless. */
export async function revokeToken(id: string, deps: ApiDeps): Promise<void> {
  await request(`/api/me/tokens/${id}`, { ...deps, method: 'DELETE' })
}

/** Everyone who has an account, by name. */
export function listPeople(deps: ApiDeps): Promise<PersonList> {
  return requestJson('/api/people', (v) => v.zPersonList, deps)
}

/** A person with the given changes made. */
export function updatePerson(id: string, change: UpdatePerson, deps: ApiDeps): Promise<Person> {
  return requestJson(`/api/people/${id}`, (v) => v.zPerson, {
    ...deps,
    method: 'PATCH',
    body: { schema: (v) => v.zUpdatePerson, value: change },
  })
}

/** Deletes a person with everything that is theirs. */
export async function deletePerson(id: string, deps: ApiDeps): Promise<void> {
  await request(`/api/people/${id}`, { ...deps, method: 'DELETE' })
}

/** The invites that are still good, the newest first. */
export function listInvites(deps: ApiDeps): Promise<InviteList> {
  return requestJson('/api/invites', (v) => v.zInviteList, deps)
}

/** Makes an invite; the secret of its link is told only now. */
export function createInvite(invite: CreateInvite, deps: ApiDeps): Promise<CreatedInvite> {
  return requestJson('/api/invites', (v) => v.zCreatedInvite, {
    ...deps,
    method: 'POST',
    body: { schema: (v) => v.zCreateInvite, value: invite },
  })
}

/** Makes an invite worthless. */
export async function revokeInvite(id: string, deps: ApiDeps): Promise<void> {
  await request(`/api/invites/${id}`, { ...deps, method: 'DELETE' })
}
