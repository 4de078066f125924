'use client'

import { ArrowUp, Square } from 'lucide-react'
import { useId, useState } from 'react'

import { Button } from '@/components/ui/button'
import { onDemand } from '@/hooks/on-demand'
import { useAutosize } from '@/hooks/useAutosize'
import { useStream } from '@/hooks/useStream'
import { useToolMenu } from '@/hooks/useToolMenu'
import { cn } from '@/lib/utils'
import { chat, useDraft } from '@/stores/chat.store'
import { useDirectCalls } from '@/stores/direct-calls.store'
import type { ToolInfo } from '@/types/tools'

import { ComposerNote } from './chat/ComposerNote'
import { bytesTooMany } from './chat/limits'
import { isSendKey } from './chat/send-key'
import { optionId } from './chat/tool-menu-id'
import { COMPOSER_ID, focusComposer } from './composer-id'
import { reportFailure } from './toasts'

interface ChatComposerProps {
  thread: string
  /** Nothing can answer: the field says so, and takes nothing. */
  state: 'ready' | 'no-model'
  onSend: (text: string) => void
}

const useToolMenuList = onDemand(async () => (await import('./chat/ToolMenuList')).default)
const useToolForm = onDemand(async () => (await import('./chat/ToolForm')).default)
const useCallCards = onDemand(async () => (await import('./chat/DirectCalls')).default)

/** The message field. It keeps its text until the text is on its way, and its focus always. */
export function ChatComposer({ thread, state, onSend }: ChatComposerProps) {
  const text = useDraft(thread)
  const field = useAutosize(text)
  const { busy, run, stop } = useStream(thread)
  const noteId = useId()
  const excess = bytesTooMany(text)
  const sendable = state === 'ready' && !busy && excess === 0 && text.trim() !== ''

  const [tool, setTool] = useState<ToolInfo>()
  const menu = useToolMenu(text, (picked) => {
    chat.setDraft(thread, '')
    setTool(picked)
  })
  const menuId = useId()
  const calls = useDirectCalls()
  const drawMenu = useToolMenuList(menu.open)
  const drawForm = useToolForm(tool !== undefined)
  const drawCalls = useCallCards(calls.length > 0)

  const closeForm = () => {
    setTool(undefined)
    focusComposer()
  }

  const send = () => {
    if (!sendable) return
    onSend(text)
  }

  return (
    <>
      {calls.length > 0 && drawCalls?.({})}
      {tool !== undefined && drawForm?.({ tool, onClose: closeForm, key: tool.name })}
      <form
        aria-label="Message"
        data-composer={busy ? 'busy' : state}
        className="relative column pt-1 pb-[max(0.5rem,env(safe-area-inset-bottom))] before:pointer-events-none before:absolute before:inset-x-0 before:-top-6 before:h-6 before:bg-linear-to-t before:from-background before:to-transparent"
        onSubmit={(event) => {
          event.preventDefault()
          send()
        }}
      >
        {menu.open && drawMenu?.({ id: menuId, menu })}
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
            {...(menu.open && {
              'aria-haspopup': 'listbox' as const,
              'aria-controls': menuId,
              'aria-activedescendant': optionId(menuId, menu.active),
            })}
            placeholder={state === 'no-model' ? 'No model can answer yet' : 'Ask anything'}
            className="field-sizing-content max-h-[min(16rem,38dvh)] min-h-12 w-full resize-none scrollbar-thin bg-transparent py-3 pr-2 pl-5 text-base leading-6 outline-none placeholder:text-muted-foreground disabled:cursor-not-allowed sm:text-[0.9375rem]"
            onChange={(event) => {
              chat.setDraft(thread, event.target.value)
            }}
            onKeyDown={(event) => {
              if (menu.onKeyDown(event) || !isSendKey(event)) return
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
              disabled={run?.stopping}
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
    </>
  )
}
