import { act, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { reportFailure, toasterStands } from '@/components/toasts'
import { Toaster } from '@/components/ui/sonner'
import type { Failure } from '@/lib/failure'

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true })
  // jsdom has none.
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined }))
})

afterEach(() => {
  vi.useRealTimers()
})

it('says why a change was refused, counts down to when it may be tried again, and then goes', async () => {
  render(<Toaster />)
  toasterStands()
  const refused = (seconds: number): Failure => ({
    kind: 'problem',
    status: 429,
    code: 'rate_limited',
    message: `That was too much at once. Try again in ${seconds} seconds.`,
    retryAt: Date.now() + seconds * 1_000,
  })
  reportFailure({ ok: false, failure: refused(5) })
  expect(await screen.findByText('Try again in 5 s.')).toBeVisible()
  // Another refusal meanwhile is told in the same place.
  reportFailure({ ok: false, failure: refused(9) })
  expect(await screen.findByText('Try again in 9 s.')).toBeVisible()
  expect(screen.getAllByText(/Too many requests\./)).toHaveLength(1)
  await act(() => vi.advanceTimersByTimeAsync(5_000))
  expect(screen.getByText('Try again in 4 s.')).toBeVisible()
  await act(() => vi.advanceTimersByTimeAsync(4_500))
  expect(screen.getByText('You can try again now.')).toBeVisible()
  await act(() => vi.advanceTimersByTimeAsync(6_000))
  expect(screen.queryByText(/Too many requests/)).not.toBeInTheDocument()
})
