import { expect, it, vi } from 'vitest'

import { animationFrame, batchByFrame } from '@/lib/frames'

it('hands on what came since the last frame together, in order', () => {
  const frames: (() => void)[] = []
  const consumed: (readonly number[])[] = []
  const batch = batchByFrame<number>(
    (items) => consumed.push(items),
    (action) => frames.push(action),
  )
  batch.push(1)
  batch.push(2)
  expect(consumed).toEqual([])
  expect(frames).toHaveLength(1)
  frames.shift()?.()
  batch.push(3)
  batch.flush()
  frames.shift()?.()
  expect(consumed).toEqual([[1, 2], [3]])
})

it('keeps up in a hidden page, which gets no frames, and calls once', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let draw: FrameRequestCallback = () => undefined
  vi.stubGlobal('requestAnimationFrame', (callback: FrameRequestCallback) => {
    draw = callback
    return 1
  })
  const action = vi.fn()
  animationFrame(action)
  vi.advanceTimersByTime(100)
  draw(0)
  expect(action).toHaveBeenCalledOnce()
  vi.useRealTimers()
})
