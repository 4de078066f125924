'use client'

import { useThreadPath } from '@/stores/chat.store'
import { useSelectedModel } from '@/stores/models.store'

import { LargerModel } from './LargerModel'

interface ComposerNoteProps {
  id: string
  thread: string
  state: 'ready' | 'no-model'
  /** Bytes beyond the limit. */
  excess: number
}

/** The one line under the message field: what matters most right now. */
export function ComposerNote({ id, thread, state, excess }: ComposerNoteProps) {
  const model = useSelectedModel()
  const begun = useThreadPath(thread).length > 0
  return (
    <div
      id={id}
      className="flex min-h-7 items-center justify-center gap-1 pt-1 text-center text-xs text-muted-foreground"
    >
      {excess > 0 ? (
        <p role="alert" className="text-destructive">
          This message is {excess.toLocaleString('en')} bytes too long. Shorten it to send it.
        </p>
      ) : model?.demo === true && begun ? (
        <p>
          {model.name} is a small demonstration model and often wrong.{' '}
          <LargerModel>Use a larger one</LargerModel>
        </p>
      ) : state === 'ready' ? (
        <p className="max-lg:hidden">Enter sends, Shift+Enter makes a new line.</p>
      ) : null}
    </div>
  )
}
