'use client'

import { useRef } from 'react'

import { Input } from '@/components/ui/input'

const LONGEST_TITLE = 200

interface RenameFieldProps {
  title: string
  /** Called once: with the new title, or with nothing when it stays as it was. */
  onDone: (title: string | undefined) => void
}

/** Renames in place: Enter and leaving the field keep the title, Escape does not. */
export function RenameField({ title, onDone }: RenameFieldProps) {
  const done = useRef(false)

  const finish = (value: string | undefined) => {
    if (done.current) return
    done.current = true
    const renamed = value?.trim()
    onDone(renamed === '' || renamed === title ? undefined : renamed)
  }

  return (
    <Input
      ref={(input) => {
        // After the menu that opened it has given up the focus.
        const frame = requestAnimationFrame(() => input?.select())
        return () => {
          cancelAnimationFrame(frame)
        }
      }}
      defaultValue={title}
      maxLength={LONGEST_TITLE}
      aria-label="Conversation title"
      className="px-2.5 text-[0.8125rem] max-lg:h-11 max-lg:text-base"
      onBlur={(event) => {
        finish(event.currentTarget.value)
      }}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return
        if (event.key === 'Enter') finish(event.currentTarget.value)
        if (event.key === 'Escape') {
          event.stopPropagation()
          finish(undefined)
        }
      }}
    />
  )
}
