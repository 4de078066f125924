import { loadChunk } from '@/lib/chunk'
import type { Outcome } from '@/lib/failure'

/** Tells a person that something did not work. Sonner's chunk comes after the first paint. */
export function reportFailure(outcome: Outcome): void {
  if (outcome.ok) return
  const { message } = outcome.failure
  void loadChunk(() => import('sonner')).then(({ toast }) => toast.error(message))
}

/** Says that something was done, with one way back. */
export function reportUndoable(message: string, undo: () => void, duration: number): void {
  void loadChunk(() => import('sonner')).then(({ toast }) =>
    toast(message, { duration, action: { label: 'Undo', onClick: undo } }),
  )
}
