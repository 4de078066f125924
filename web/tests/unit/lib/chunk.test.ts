import { expect, test, vi } from 'vitest'

import { loadChunk } from '@/lib/chunk'

import { ManualClock, ManualNetwork } from '../support/values'

function held() {
  const clock = new ManualClock()
  const connectivity = new ManualNetwork()
  return { clock, connectivity, random: () => 0.5 }
}

test('a part that cannot be fetched is asked for again', async () => {
  const deps = held()
  const load = vi.fn().mockRejectedValueOnce(new Error('lost')).mockResolvedValue('part')
  const part = loadChunk(load, deps)
  await deps.clock.advance(1_000)
  await expect(part).resolves.toBe('part')
  expect(load).toHaveBeenCalledTimes(2)
})

test('without a network it waits for one, however long that takes', async () => {
  const deps = held()
  await deps.connectivity.set(false)
  const load = vi.fn().mockRejectedValueOnce(new Error('lost')).mockResolvedValue('part')
  const part = loadChunk(load, deps)
  await deps.clock.advance(3_600_000)
  expect(load).toHaveBeenCalledTimes(1)
  await deps.connectivity.set(true)
  await expect(part).resolves.toBe('part')
})

test('a part that is gone is given up, with the failure', async () => {
  const deps = held()
  const load = vi.fn().mockRejectedValue(new Error('gone'))
  const part = loadChunk(load, deps)
  part.catch(() => undefined)
  await deps.clock.advance(60_000)
  await expect(part).rejects.toThrow('gone')
  expect(load).toHaveBeenCalledTimes(8)
})
