import { act, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { reportFailure, toasterStands } from '@/components/toasts'
import { Toaster } from '@/components/ui/sonner'
import type { Failure } from '@/lib/failure'

import { settle } from '../support/values'

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
  })
  // jsdom has none.
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined }))
})

afterEach(() => {
  vi.useRealTimers()
})

/** What is fetched has come, the time has passed, and React shows it. */
async function pass(ms: number) {
  await act(async () => {
    await vi.dynamicImportSettled()
    vi.advanceTimersByTime(ms)
    await settle()
  })
}

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
  await pass(500)
  expect(screen.getByText('Try again in 5 s.')).toBeVisible()
  // Another refusal meanwhile is told in the same place.
  reportFailure({ ok: false, failure: refused(9) })
  await pass(500)
  expect(screen.getByText('Try again in 9 s.')).toBeVisible()
  expect(screen.getAllByText(/Too many requests\./)).toHaveLength(1)
  await pass(5_000)
  expect(screen.getByText('Try again in 4 s.')).toBeVisible()
  await pass(4_000)
  expect(screen.getByText('You can try again now.')).toBeVisible()
  await pass(4_000)
  await pass(1_000)
  expect(screen.queryByText(/Too many requests/)).not.toBeInTheDocument()
})
