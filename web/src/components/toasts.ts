import { loadChunk } from '@/lib/chunk'
import type { Outcome } from '@/lib/failure'

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

/** Tells a person that something did not work. */
export function reportFailure(outcome: Outcome): void {
  if (outcome.ok) return
  const { message } = outcome.failure
  void sonner().then((toast) => toast.error(message))
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
