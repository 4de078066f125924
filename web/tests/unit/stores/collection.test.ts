import { beforeEach, describe, expect, it } from 'vitest'

import { createDevices } from '@/stores/devices.store'
import { createTokens } from '@/stores/tokens.store'

import { device } from '../support/account'
import { FakeServer, json, problem } from '../support/server'
import { ManualClock, id, settle } from '../support/values'

const HERE = device(1, { current: true })

let server: FakeServer
let list: ReturnType<typeof createDevices>

const names = () => list.store.getState().items.map((item) => item.device)
const gone = () => new Response(null, { status: 204 })

beforeEach(async () => {
  server = new FakeServer()
  list = createDevices({ fetch: server.fetch, clock: new ManualClock() })
  server.instead.push(() => json({ items: [HERE, device(2), device(3)] }))
  await list.actions.load()
})

describe('a list of the account', () => {
  it('says why it could not be loaded, and keeps what it shows when only a refresh fails', async () => {
    const other = createDevices({ fetch: server.fetch, clock: new ManualClock() })
    server.instead.push(() => problem(503, 'draining'))
    await other.actions.load()
    expect(other.store.getState().load).toMatchObject({ failure: { code: 'draining' } })
    server.instead.push(() => problem(503, 'draining'))
    await list.actions.load()
    expect(names()).toHaveLength(3)
  })

  it('loses what was revoked once the server says so', async () => {
    server.instead.push(() => problem(503, 'draining'))
    await expect(list.actions.signOut(id(2))).resolves.toMatchObject({ ok: false })
    expect(names()).toHaveLength(3)
    server.instead.push(gone)
    await expect(list.actions.signOut(id(2))).resolves.toEqual({ ok: true })
    expect(names()).toEqual(['Browser 1', 'Browser 3'])
    expect(server.requests('DELETE', `/api/me/devices/${id(2)}`)).toHaveLength(2)
  })

  it('keeps only this device when all others are signed out', async () => {
    server.instead.push(gone)
    await list.actions.signOutOthers()
    expect(names()).toEqual(['Browser 1'])
    expect(server.requests('DELETE', '/api/me/devices')[0]?.path).toBe('/api/me/devices')
  })

  it('does not show again what an older answer still has', async () => {
    let answer: (response: Response) => void = () => undefined
    server.instead.push(
      () =>
        new Promise<Response>((resolve) => {
          answer = resolve
        }),
      gone,
    )
    const loading = list.actions.load()
    await settle()
    await list.actions.signOut(id(2))
    answer(json({ items: [HERE, device(2), device(3)] }))
    await loading
    expect(names()).toEqual(['Browser 1', 'Browser 3'])
  })

  it('shows what was made first, and tells its secret once', async () => {
    const tokens = createTokens({ fetch: server.fetch, clock: new ManualClock() })
    const made = {
      id: id(9),
      name: 'Backup',
      scopes: ['read' as const],
      createdAt: '2026-01-31T12:00:00.000Z',
    }
    server.instead.push(() => json({ items: [{ ...made, id: id(8), name: 'Older' }] }))
    await tokens.actions.load()
    server.instead.push(() => json({ secret: 'weir_abc', item: made }))
    const outcome = await tokens.actions.create({ name: 'Backup', scopes: ['read'] })
    expect(outcome).toMatchObject({ ok: true, secret: 'weir_abc' })
    expect(tokens.store.getState().items.map(({ name }) => name)).toEqual(['Backup', 'Older'])
    expect(JSON.stringify(tokens.store.getState())).not.toContain('weir_abc')
  })
})
