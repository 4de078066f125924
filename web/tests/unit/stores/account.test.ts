import { beforeEach, describe, expect, it } from 'vitest'

import { createAccountStore } from '@/stores/account.store'

import { me } from '../support/account'
import { FakeServer, json, problem } from '../support/server'
import { ManualClock, id, memoryStorage } from '../support/values'

const CREDENTIALS = { email: 'ada@example.org', password: 'a weir is a low dam' }

let server: FakeServer
let storage: ReturnType<typeof memoryStorage>
let forgotten: number
let account: ReturnType<typeof createAccountStore>

beforeEach(() => {
  server = new FakeServer()
  storage = memoryStorage()
  forgotten = 0
  account = createAccountStore({
    fetch: server.fetch,
    clock: new ManualClock(),
    storage,
    drafts: { forget: () => (forgotten += 1) },
  })
})

const signIn = async (person: number) => {
  server.instead.push(() => json(me({ id: id(person) })))
  await account.actions.signIn(CREDENTIALS)
}

describe('what was being written', () => {
  it('is still there when the same person signs in again', async () => {
    await signIn(1)
    await signIn(1)
    expect(forgotten).toBe(0)
  })

  it('is forgotten when somebody else signs in', async () => {
    await signIn(1)
    await signIn(2)
    expect(forgotten).toBe(1)
  })

  it('is forgotten at the sign-out, and kept when that fails', async () => {
    await signIn(1)
    server.instead.push(() => problem(503, 'draining'))
    await expect(account.actions.signOut()).resolves.toMatchObject({ ok: false })
    expect(forgotten).toBe(0)
    server.instead.push(() => new Response(null, { status: 204 }))
    await expect(account.actions.signOut()).resolves.toEqual({ ok: true })
    expect(forgotten).toBe(1)
    expect(storage.entries).toEqual({})
  })
})

describe('an account', () => {
  it('is made with the secret of a link, and is then signed in', async () => {
    server.instead.push(() => json(me()))
    const made = { ...CREDENTIALS, name: 'Ada', secret: 's3cret' }
    await expect(account.actions.create('join', made)).resolves.toEqual({ ok: true })
    expect(server.requests('POST', '/api/auth/join')[0]?.body).toEqual(made)
    expect(account.store.getState().me?.name).toBe('Ada')
  })

  it('tells until when too many attempts have to wait', async () => {
    server.instead.push(() => problem(429, 'too_many_attempts', { retryAfter: 30 }))
    const outcome = await account.actions.signIn(CREDENTIALS)
    expect(outcome).toMatchObject({
      failure: { code: 'too_many_attempts', retryAt: new ManualClock().now() + 30_000 },
    })
  })

  it('shows its new name once the server has it', async () => {
    await signIn(1)
    server.instead.push(() => problem(503, 'draining'))
    await account.actions.rename('Lovelace')
    expect(account.store.getState().me?.name).toBe('Ada')
    server.instead.push(() => json(me({ name: 'Lovelace' })))
    await account.actions.rename('Lovelace')
    expect(account.store.getState().me?.name).toBe('Lovelace')
  })
})
