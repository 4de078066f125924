import { beforeEach, describe, expect, it } from 'vitest'

import { createTools } from '@/stores/tools.store'
import type { ArgumentRule } from '@/types/tools'

import { FakeServer, json, problem } from '../support/server'
import { tool } from '../support/tools'
import { ManualClock, settle } from '../support/values'

const RULE: ArgumentRule = {
  argument: 'seconds',
  matches: 'equals',
  value: '1',
  permission: 'allow',
}

let server: FakeServer
let list: ReturnType<typeof createTools>

const state = () => list.store.getState()
const permissions = () => state().items.map(({ name, permission }) => `${name} ${permission}`)
const asked = () => server.requests('PUT', '/api/tools/').map(({ body, path }) => ({ body, path }))

beforeEach(async () => {
  server = new FakeServer()
  list = createTools({ fetch: server.fetch, clock: new ManualClock() })
  server.instead.push(() => json({ items: [tool('calculate'), tool('wait')] }))
  await list.actions.load()
})

describe('the list of tools', () => {
  it('says why it could not be loaded, and keeps what it shows when only a refresh fails', async () => {
    const other = createTools({ fetch: server.fetch, clock: new ManualClock() })
    server.instead.push(() => problem(503, 'draining'))
    await other.actions.load()
    expect(other.store.getState().load).toMatchObject({ failure: { code: 'draining' } })

    server.instead.push(() => problem(503, 'draining'))
    await list.actions.load()
    expect(state().load).toEqual({ kind: 'ready' })
    expect(permissions()).toEqual(['calculate allow', 'wait allow'])
  })
})

describe('a permission', () => {
  it('is shown at once, and then as the server has it', async () => {
    server.instead.push(() => json(tool('wait', { permission: 'deny', title: 'Named there' })))
    const set = list.actions.permit('wait', { permission: 'deny' })
    expect(permissions()).toEqual(['calculate allow', 'wait deny'])
    await expect(set).resolves.toEqual({ ok: true })
    expect(state().items[1]?.title).toBe('Named there')
    expect(asked()).toEqual([{ path: '/api/tools/wait/permission', body: { permission: 'deny' } }])
  })

  it('is taken back when the server refuses, and the reason is told', async () => {
    server.instead.push(() => problem(503, 'draining'))
    const set = list.actions.permit('wait', { permission: 'deny' })
    expect(permissions()).toContain('wait deny')
    await expect(set).resolves.toMatchObject({ ok: false, failure: { code: 'draining' } })
    expect(permissions()).toEqual(['calculate allow', 'wait allow'])
  })

  it('that is refused takes back nothing but itself', async () => {
    let answer: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise<Response>((resolve) => (answer = resolve)))
    const set = list.actions.permit('wait', { permission: 'deny' })
    await settle()
    server.instead.push(() =>
      json({ items: [tool('calculate'), tool('wait', { title: 'Newer' })] }),
    )
    await list.actions.load()
    expect(state().items[1]).toMatchObject({ title: 'Newer', permission: 'deny' })
    answer(problem(503, 'draining'))
    await set
    expect(state().items[1]).toMatchObject({ title: 'Newer', permission: 'allow' })
  })

  it('that was refused is not sent again with the rules that are changed after it', async () => {
    server.instead.push(
      () => problem(503, 'draining'),
      () => json(tool('wait', { rules: [RULE] })),
    )
    const set = list.actions.permit('wait', { permission: 'deny' })
    await Promise.all([set, list.actions.permit('wait', { rules: [RULE] })])
    expect(asked()[1]?.body).toEqual({ permission: 'allow', rules: [RULE] })
  })

  it('keeps the rules as they are, and rules keep the permission', async () => {
    server.instead.push(() => json(tool('wait', { rules: [RULE] })))
    await list.actions.permit('wait', { rules: [RULE] })
    expect(asked()[0]?.body).toEqual({ permission: 'allow', rules: [RULE] })
    server.instead.push(() => json(tool('wait', { permission: 'ask', rules: [RULE] })))
    await list.actions.permit('wait', { permission: 'ask' })
    expect(asked()[1]?.body).toEqual({ permission: 'ask' })
    expect(state().items[1]).toMatchObject({ permission: 'ask', rules: [RULE] })
  })

  it('that is changed again before the answer comes ends as the last word, in order', async () => {
    let answer: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise<Response>((resolve) => (answer = resolve)))
    const first = list.actions.permit('wait', { permission: 'ask' })
    const second = list.actions.permit('wait', { permission: 'deny' })
    await settle()
    expect(asked()).toHaveLength(1)
    server.instead.push(() => json(tool('wait', { permission: 'deny' })))
    answer(json(tool('wait', { permission: 'ask' })))
    await Promise.all([first, second])
    expect(asked().map(({ body }) => body)).toEqual([{ permission: 'ask' }, { permission: 'deny' }])
    expect(permissions()).toContain('wait deny')
  })
})
