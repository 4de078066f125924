'use client'

import { useEffect, useRef, useState } from 'react'

import { Button } from '@/components/ui/button'
import { useAutosize } from '@/hooks/useAutosize'
import { useStream } from '@/hooks/useStream'
import { chat, type ThreadMessage } from '@/stores/chat.store'
import { useSelectedModel } from '@/stores/models.store'

import { focusComposer } from '../composer-id'
import { reportFailure } from '../toasts'
import { bytesTooMany } from './limits'
import { isSendKey } from './send-key'

interface EditMessageProps {
  message: ThreadMessage
  thread: string
  /** The person has sent another version, or has left it as it was. */
  onClose: () => void
}

/** A message in the making of another version: it is sent in a branch of its own, and the message stays. */
export function EditMessage({ message, thread, onClose }: EditMessageProps) {
  const { id, content } = message
  const [text, setText] = useState(content)
  const field = useAutosize(text)
  const { busy } = useStream(thread)
  const model = useSelectedModel()?.id
  const excess = bytesTooMany(text)
  const sendable = !busy && excess === 0 && text.trim() !== '' && text !== content
  const root = useRef<HTMLFormElement>(null)

  useEffect(() => {
    field.current?.setSelectionRange(field.current.value.length, field.current.value.length)
    root.current?.scrollIntoView({ block: 'nearest' })
  }, [field])

  const cancel = () => {
    onClose()
    // The field goes away with the focus: it goes back to the button that opened it.
    requestAnimationFrame(() => {
      document.querySelector<HTMLElement>(`[data-edit-message="${id}"]`)?.focus()
    })
  }
  const send = () => {
    if (!sendable) return
    onClose()
    void chat
      .edit({ thread, messageId: id, text, ...(model !== undefined && { model }) })
      .then(reportFailure)
    focusComposer()
  }

  return (
    <form
      ref={root}
      aria-label="Edit message"
      className="w-full rounded-3xl rounded-br-lg border border-input bg-card p-2 shadow-sm focus-within:border-ring/70 focus-within:ring-3 focus-within:ring-ring/15"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        ref={field}
        autoFocus
        rows={1}
        value={text}
        aria-label="Your message"
        aria-invalid={excess > 0}
        className="field-sizing-content max-h-[40dvh] w-full resize-none scrollbar-thin bg-transparent px-2.5 py-1.5 text-base leading-6 outline-none sm:text-[0.9375rem]"
        onChange={(event) => {
          setText(event.target.value)
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && !event.nativeEvent.isComposing) {
            event.preventDefault()
            cancel()
          }
          if (!isSendKey(event)) return
          event.preventDefault()
          send()
        }}
      />
      <div className="flex flex-wrap items-center justify-end gap-2">
        <p className="min-w-40 flex-1 pl-2.5 text-xs text-muted-foreground">
          {excess > 0 ? (
            <span role="alert" className="text-destructive">
              {excess.toLocaleString('en')} bytes too long.
            </span>
          ) : busy ? (
            'It can be sent when the answer has ended.'
          ) : (
            'Sent as a version of its own; this one stays.'
          )}
        </p>
        <Button variant="ghost" size="sm" onClick={cancel}>
          Cancel
        </Button>
        <Button type="submit" size="sm" disabled={!sendable}>
          Send
        </Button>
      </div>
    </form>
  )
}
