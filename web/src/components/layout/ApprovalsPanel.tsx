'use client'

import Link from 'next/link'
import { useEffect, useRef, useState, type ReactNode } from 'react'

import { Popover, PopoverContent, PopoverTrigger } from '@/components/ui/popover'
import { threadPath } from '@/hooks/useCurrentThread'
import { usePendingApprovals, useQuestions } from '@/stores/approvals.store'
import { tools, toolsStore, useTool } from '@/stores/tools.store'
import type { PendingApproval } from '@/types/tools'

import { ApprovalRequest } from '../tools/card/ApprovalRequest'
import QuestionRequest from '../tools/card/QuestionRequest'
import { Value } from '../tools/card/Value'
import { CALLERS, labelOf } from '../tools/words'

/** Everything that waits for the person's word, below its button. Open when it comes. */
export default function ApprovalsPanel({ button, count }: { button: ReactNode; count: number }) {
  const [open, setOpen] = useState(true)
  const content = useRef<HTMLDivElement>(null)
  const items = usePendingApprovals()
  const questions = useQuestions()

  useEffect(() => {
    if (toolsStore.getState().load.kind === 'idle') void tools.load()
  }, [])

  if (!open && count === 0) return null
  return (
    <Popover open={open} onOpenChange={setOpen}>
      <PopoverTrigger asChild>{button}</PopoverTrigger>
      <PopoverContent
        ref={content}
        tabIndex={-1}
        align="end"
        aria-label="What waits for your word"
        className="max-h-[70dvh] w-104 scrollbar-thin overflow-y-auto p-0"
      >
        {count === 0 ? (
          <p className="p-5 text-center text-muted-foreground">Nothing waits for your word.</p>
        ) : (
          <ul className="divide-y">
            {questions.map((question) => (
              <li key={question.id} className="p-4" data-question={question.id}>
                <QuestionRequest
                  question={question}
                  onAnswer={() => content.current?.focus()}
                  onLeave={() => {
                    setOpen(false)
                  }}
                />
              </li>
            ))}
            {items.map((item) => (
              <li key={item.id} className="flex flex-col gap-3 p-4" data-pending={item.id}>
                <Pending
                  item={item}
                  onLeave={() => {
                    setOpen(false)
                  }}
                  onAnswer={() => content.current?.focus()}
                />
              </li>
            ))}
          </ul>
        )}
      </PopoverContent>
    </Popover>
  )
}

/** "at 4:10 PM", or on another day "on Tue, 24 Nov at 4:10 PM". */
function momentOf(date: Date): string {
  const time = date.toLocaleTimeString('en', { hour: 'numeric', minute: '2-digit' })
  if (date.toDateString() === new Date().toDateString()) return `at ${time}`
  const day = date.toLocaleDateString('en', { weekday: 'short', day: 'numeric', month: 'short' })
  return `on ${day} at ${time}`
}

interface PendingProps {
  item: PendingApproval
  /** The person goes to the conversation. */
  onLeave: () => void
  onAnswer: () => void
}

function Pending({ item, onAnswer, onLeave }: PendingProps) {
  const { args, caller, conversationId, expiresAt, id, name } = item
  const title = useTool(name)?.title ?? labelOf(name)
  return (
    <>
      <Value value={args} />
      <ApprovalRequest id={id} title={title} asker={CALLERS[caller]} onAnswer={onAnswer} />
      <p className="text-xs text-muted-foreground">
        Without an answer it is denied {momentOf(new Date(expiresAt))}.{' '}
        {conversationId !== undefined && (
          <Link
            href={threadPath(conversationId)}
            className="font-medium text-foreground underline decoration-foreground/30 underline-offset-3 hover:decoration-foreground"
            onClick={onLeave}
          >
            Open the conversation
          </Link>
        )}
      </p>
    </>
  )
}
