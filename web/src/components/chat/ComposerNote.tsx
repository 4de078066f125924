'use client'

import { cn } from '@/lib/utils'
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
  const note =
    excess > 0
      ? 'excess'
      : model?.demo === true && begun
        ? 'demo'
        : state === 'ready'
          ? 'keys'
          : 'none'

  return (
    <div
      id={id}
      className={cn(
        'flex min-h-7 items-center justify-center gap-1 pt-1 text-center text-xs text-muted-foreground',
        // A phone has no such keys, and no room to spare.
        (note === 'keys' || note === 'none') && 'max-lg:hidden',
      )}
    >
      {note === 'excess' && (
        <p role="alert" className="text-destructive">
          This message is {excess.toLocaleString('en')} bytes too long. Shorten it to send it.
        </p>
      )}
      {note === 'demo' && (
        <p>
          {model?.name} is a small demonstration model and often wrong.{' '}
          {!model?.capabilities.tools && 'It calls no tools by itself: type / to call one. '}
          <LargerModel>Use a larger one</LargerModel>
        </p>
      )}
      {note === 'keys' && (
        <p>
          Enter sends, Shift+Enter makes a new line, / calls a tool.
          {model?.capabilities.tools === false && ' This model calls none by itself.'}
        </p>
      )}
    </div>
  )
}
