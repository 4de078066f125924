'use client'

import { useId, useState } from 'react'

import { Button } from '@/components/ui/button'
import { Input } from '@/components/ui/input'
import { Kbd } from '@/components/ui/kbd'
import { approvals, useWord } from '@/stores/approvals.store'
import type { DecideApproval } from '@/types/tools'

/** The longest word to the model, in characters. */
const MOST_CHARACTERS = 2_000

interface ApprovalRequestProps {
  id: string
  /** The tool's name for people. */
  title: string
  /** Who asks. */
  asker: string
  /** The card takes `A` and `D` while it has the focus. */
  shortcuts?: boolean
  /** Called as soon as a button was pressed: the buttons are about to go away, and the focus with them. */
  onAnswer: () => void
}

/** Asks for the person's word on a call. */
export function ApprovalRequest({
  id,
  title,
  asker,
  shortcuts = false,
  onAnswer,
}: ApprovalRequestProps) {
  const word = useWord(id)
  const [message, setMessage] = useState<string>()
  const fieldId = useId()
  const sending = word?.kind === 'sending'

  const answer = (decision: DecideApproval) => {
    onAnswer()
    void approvals.decide(id, decision)
  }
  const deny = () => {
    const said = message?.trim() ?? ''
    answer({ decision: 'deny', ...(said !== '' && { message: said }) })
  }

  return (
    <form
      className="flex flex-col gap-2.5"
      onSubmit={(event) => {
        event.preventDefault()
        deny()
      }}
    >
      <p className="text-sm font-medium">
        {asker} wants to use {title}. Allow it?
      </p>
      {message !== undefined && (
        <div className="flex flex-col gap-1">
          <label htmlFor={fieldId} className="text-xs text-muted-foreground">
            Why not? The model reads it.
          </label>
          <Input
            id={fieldId}
            autoFocus
            value={message}
            maxLength={MOST_CHARACTERS}
            disabled={sending}
            onChange={(event) => {
              setMessage(event.target.value)
            }}
            onKeyDown={(event) => {
              if (event.key !== 'Escape') return
              event.preventDefault()
              event.stopPropagation()
              setMessage(undefined)
            }}
          />
        </div>
      )}
      <div className="flex flex-wrap items-center gap-2">
        {message === undefined && (
          <>
            <Button
              size="sm"
              disabled={sending}
              onClick={() => {
                answer({ decision: 'grant' })
              }}
            >
              Allow once
              {shortcuts && <Kbd className="max-sm:hidden">A</Kbd>}
            </Button>
            <Button
              variant="outline"
              size="sm"
              disabled={sending}
              onClick={() => {
                answer({ decision: 'grant', remember: true })
              }}
            >
              Always allow
            </Button>
          </>
        )}
        <Button type="submit" variant="outline" size="sm" disabled={sending}>
          Deny
          {shortcuts && message === undefined && <Kbd className="max-sm:hidden">D</Kbd>}
        </Button>
        <Button
          variant="ghost"
          size="sm"
          disabled={sending}
          onClick={() => {
            setMessage(message === undefined ? '' : undefined)
          }}
        >
          {message === undefined ? 'Deny and say why' : 'Back'}
        </Button>
      </div>
      {word?.kind === 'failed' && (
        <p role="alert" className="text-[0.8125rem] text-destructive">
          {word.failure.message} The call still waits for you.
        </p>
      )}
    </form>
  )
}
