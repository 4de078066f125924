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

/** Toasts come after the first paint. */
async function toasting() {
  const [module] = await Promise.all([loadChunk(() => import('./toasting')), standing])
  return module
}

/** Tells a person that something did not work; when it was only too much at once, also until when. */
export function reportFailure(outcome: Outcome): void {
  if (!outcome.ok)
    void toasting().then(({ showFailure }) => {
      showFailure(outcome.failure)
    })
}

/** Says that something was done, with one way back. */
export function reportUndoable(message: string, undo: () => void, duration: number): void {
  void toasting().then(({ toast }) =>
    toast(message, { duration, action: { label: 'Undo', onClick: undo } }),
  )
}

/** Says something that a person may want to know. */
export function reportNews(message: string): void {
  void toasting().then(({ toast }) => toast(message))
}
