import { act, render, screen } from '@testing-library/react'
import { expect, it, vi } from 'vitest'

import { useCountdown } from '@/hooks/useCountdown'

function Countdown({ until }: { until?: number }) {
  return <output>{useCountdown(until)}</output>
}

it('counts whole seconds down to zero, then stops', () => {
  vi.useFakeTimers()
  render(<Countdown until={Date.now() + 2500} />)
  const shown = [screen.getByRole('status').textContent]
  for (let second = 0; second < 4; second += 1) {
    act(() => {
      vi.advanceTimersByTime(1000)
    })
    shown.push(screen.getByRole('status').textContent)
  }
  expect(shown).toEqual(['3', '2', '1', '0', '0'])
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

it('is zero when there is nothing to wait for', () => {
  render(<Countdown />)
  expect(screen.getByRole('status')).toHaveTextContent('0')
})
