'use client'

import { ArrowUp, Square } from 'lucide-react'
import { useId, type KeyboardEvent } from 'react'

import { Button } from '@/components/ui/button'
import { useAutosize } from '@/hooks/useAutosize'
import { useStream } from '@/hooks/useStream'
import { cn } from '@/lib/utils'
import { chat, useDraft } from '@/stores/chat.store'

import { ComposerNote } from './chat/ComposerNote'
import { bytesTooMany } from './chat/limits'
import { COMPOSER_ID, focusComposer } from './composer-id'
import { reportFailure } from './toasts'

interface ChatComposerProps {
  thread: string
  /** Nothing can answer: the field says so, and takes nothing. */
  state: 'ready' | 'no-model'
  onSend: (text: string) => void
}

/** A phone's keyboard has no Shift+Enter: there Enter is a new line, and the button sends. */
function isTouchKeyboard(): boolean {
  return window.matchMedia('(hover: none) and (pointer: coarse)').matches
}

function isSendKey(event: KeyboardEvent): boolean {
  // While an input method composes, Enter belongs to it; Safari reports that only by the key code.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  if (event.key !== 'Enter' || event.nativeEvent.isComposing || event.keyCode === 229) return false
  if (event.metaKey || event.ctrlKey) return true
  return !event.shiftKey && !event.altKey && !isTouchKeyboard()
}

/** The message field. It keeps its text until the text is on its way, and its focus always. */
export function ChatComposer({ thread, state, onSend }: ChatComposerProps) {
  const text = useDraft(thread)
  const field = useAutosize(text)
  const { busy, run, stop } = useStream(thread)
  const noteId = useId()
  const excess = bytesTooMany(text)
  const sendable = state === 'ready' && !busy && excess === 0 && text.trim() !== ''

  const send = () => {
    if (!sendable) return
    onSend(text)
  }

  return (
    <form
      aria-label="Message"
      data-composer={busy ? 'busy' : state}
      className="relative column pt-1 pb-[max(0.5rem,env(safe-area-inset-bottom))] before:pointer-events-none before:absolute before:inset-x-0 before:-top-6 before:h-6 before:bg-linear-to-t before:from-background before:to-transparent"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <div
        className={cn(
          'flex items-end rounded-3xl border border-input bg-card shadow-sm transition-[border-color,box-shadow] focus-within:border-ring/70 focus-within:ring-3 focus-within:ring-ring/15',
          excess > 0 &&
            'border-destructive focus-within:border-destructive focus-within:ring-destructive/20',
          state === 'no-model' && 'bg-muted',
        )}
      >
        <textarea
          ref={field}
          id={COMPOSER_ID}
          rows={1}
          value={text}
          disabled={state === 'no-model'}
          aria-label="Message"
          aria-describedby={noteId}
          aria-invalid={excess > 0}
          placeholder={state === 'no-model' ? 'No model can answer yet' : 'Ask anything'}
          className="field-sizing-content max-h-[min(16rem,38dvh)] min-h-12 w-full resize-none scrollbar-thin bg-transparent py-3 pr-2 pl-5 text-base leading-6 outline-none placeholder:text-muted-foreground disabled:cursor-not-allowed sm:text-[0.9375rem]"
          onChange={(event) => {
            chat.setDraft(thread, event.target.value)
          }}
          onKeyDown={(event) => {
            if (!isSendKey(event)) return
            event.preventDefault()
            send()
          }}
        />
        {busy ? (
          <Button
            size="icon"
            className="m-1.5 rounded-full"
            aria-label="Stop"
            title="Stop (Esc)"
            disabled={run?.phase === 'stopping'}
            onClick={() => {
              void stop().then(reportFailure)
              // The button goes away with the answer, and would take the focus with it.
              focusComposer()
            }}
          >
            <Square aria-hidden="true" className="size-3.5 fill-current" />
          </Button>
        ) : (
          <Button
            type="submit"
            size="icon"
            className="m-1.5 rounded-full disabled:bg-secondary disabled:text-muted-foreground disabled:opacity-100"
            aria-label="Send"
            disabled={!sendable}
            // A click must not take the focus from the field: on a phone the keyboard would close.
            onPointerDown={(event) => {
              event.preventDefault()
            }}
          >
            <ArrowUp aria-hidden="true" className="size-4.5" />
          </Button>
        )}
      </div>
      <ComposerNote id={noteId} thread={thread} state={state} excess={excess} />
    </form>
  )
}
