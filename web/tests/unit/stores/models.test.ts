import { expect, it } from 'vitest'

import { createModels, selectedModel } from '@/stores/models.store'
import type { Model } from '@/types/api'

import { FakeServer, problem } from '../support/server'
import { ManualClock, memoryStorage } from '../support/values'

const model = (name: string, fields: Partial<Model> = {}): Model => ({
  id: `test/${name}`,
  name,
  provider: 'test',
  default: false,
  available: true,
  demo: false,
  capabilities: { tools: false, continues: true },
  ...fields,
})

function testModels(items: Model[], kept: Record<string, string> = {}) {
  const server = new FakeServer()
  server.models.push(...items)
  const storage = memoryStorage(kept)
  return {
    server,
    storage,
    ...createModels({ fetch: server.fetch, clock: new ManualClock(), storage }),
  }
}

it('the server chooses until the person does, in later pages too', async () => {
  const first = testModels([model('a'), model('b', { default: true })])
  await first.actions.load()
  expect(selectedModel(first.store.getState())?.name).toBe('b')
  first.actions.select('test/a')
  expect(selectedModel(first.store.getState())?.name).toBe('a')

  const later = testModels([model('a'), model('b', { default: true })], first.storage.entries)
  await later.actions.load()
  expect(selectedModel(later.store.getState())?.name).toBe('a')
})

it('a choice that cannot answer now gives way to the default', async () => {
  const { actions, store } = testModels(
    [model('a', { available: false }), model('b', { default: true })],
    { model: 'test/a' },
  )
  await actions.load()
  expect(selectedModel(store.getState())?.name).toBe('b')
})

it('says why there are none, and keeps those it has when only a refresh fails', async () => {
  const { actions, server, store } = testModels([model('a')])
  server.instead.push(() => problem(503, 'draining'))
  await actions.load()
  expect(store.getState().load).toMatchObject({ kind: 'failed', failure: { code: 'draining' } })
  await actions.load()
  server.instead.push(() => problem(503, 'draining'))
  await actions.load()
  expect(store.getState()).toMatchObject({ load: { kind: 'ready' }, items: [{ name: 'a' }] })
})
