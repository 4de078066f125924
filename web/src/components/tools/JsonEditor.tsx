'use client'

import { type ReactNode, useId, useState } from 'react'

import { Textarea } from '@/components/ui/textarea'

import type { Faults } from './form/faults'

type Arguments = Record<string, unknown>

interface JsonEditorProps {
  args: Arguments
  faults: Faults
  onChange: (args: Arguments) => void
  onSubmit: (args: Arguments) => void
  children: ReactNode
}

/** The arguments of a call as JSON. */
export function JsonEditor({ args, children, faults, onChange, onSubmit }: JsonEditorProps) {
  const id = useId()
  const [text, setText] = useState(() => JSON.stringify(args, undefined, 2))
  const [fault, setFault] = useState('')
  /** The text that the server's faults are about. */
  const [judged, setJudged] = useState(text)
  const messages = fault !== '' ? [fault] : text === judged ? messagesOf(faults.atFields) : []

  const submit = () => {
    const read = readObject(text)
    if (read === undefined) setFault('This is not a JSON object.')
    else {
      setJudged(text)
      onSubmit(read)
    }
  }

  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <div className="flex flex-col gap-1.5">
        <label htmlFor={id} className="text-[0.8125rem] font-medium">
          Arguments
        </label>
        <Textarea
          id={id}
          spellCheck={false}
          autoComplete="off"
          aria-invalid={messages.length > 0}
          aria-describedby={messages.length > 0 ? `${id}-faults` : undefined}
          value={text}
          className="min-h-28 font-mono text-[0.8125rem] max-lg:text-base"
          onChange={({ target }) => {
            setText(target.value)
            setFault('')
            const read = readObject(target.value)
            if (read !== undefined) onChange(read)
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
            event.preventDefault()
            submit()
          }}
        />
        {messages.length > 0 && (
          <ul id={`${id}-faults`} className="text-xs leading-5 text-destructive">
            {messages.map((message) => (
              <li key={message}>{message}</li>
            ))}
          </ul>
        )}
      </div>
      {children}
    </form>
  )
}

/** Every fault with the way to its argument. */
function messagesOf(faults: Faults['atFields'], way = ''): string[] {
  return Object.entries(faults as Record<string, unknown>).flatMap(([name, below]) => {
    if (name === '__errors') return (below as string[]).map((message) => `${way}: ${message}`)
    return messagesOf(below as Faults['atFields'], way === '' ? name : `${way}.${name}`)
  })
}

function readObject(text: string): Arguments | undefined {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Arguments)
      : undefined
  } catch {
    return undefined
  }
}
