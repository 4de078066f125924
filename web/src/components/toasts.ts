import { createElement } from 'react'

import { loadChunk } from '@/lib/chunk'
import { type Outcome, reasonOf } from '@/lib/failure'

/** How long it is said that one can try again, in milliseconds. */
const AFTERWARDS_MS = 4_000

let stand: () => void = () => undefined
const standing = new Promise<void>((resolve) => {
  stand = resolve
})

/** The place of the toasts is mounted: what was said before waits for it. */
export function toasterStands(): void {
  stand()
}

/** Sonner comes after the first paint. */
async function sonner() {
  const [{ toast }] = await Promise.all([loadChunk(() => import('sonner')), standing])
  return toast
}

/** Tells a person that something did not work; when it was only too much at once, also until when. */
export function reportFailure(outcome: Outcome): void {
  if (outcome.ok) return
  const { message, retryAt, status } = outcome.failure
  if (status === 429 && retryAt !== undefined) void reportWait(reasonOf(outcome.failure), retryAt)
  else void sonner().then((toast) => toast.error(message))
}

/** One for all refusals: the newest says until when. */
async function reportWait(reason: string, until: number): Promise<void> {
  const [toast, { default: TryAgainIn }] = await Promise.all([
    sonner(),
    loadChunk(() => import('./TryAgainIn')),
  ])
  toast.error(createElement(TryAgainIn, { reason, until }), {
    id: 'try-again-in',
    duration: Math.max(0, until - Date.now()) + AFTERWARDS_MS,
  })
}

/** Says that something was done, with one way back. */
export function reportUndoable(message: string, undo: () => void, duration: number): void {
  void sonner().then((toast) =>
    toast(message, { duration, action: { label: 'Undo', onClick: undo } }),
  )
}

/** Says something that a person may want to know. */
export function reportNews(message: string): void {
  void sonner().then((toast) => toast(message))
}
