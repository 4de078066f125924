'use client'

import type { ReactNode } from 'react'

import { Button } from '@/components/ui/button'

import { CopyButton } from '../CopyButton'

interface SecretOnceProps {
  /** What it is: `Token`, `Link`. */
  label: string
  secret: string
  onDone: () => void
  /** How it is used. */
  children?: ReactNode
}

/** Something that is shown once, to be copied now. */
export function SecretOnce({ children, label, onDone, secret }: SecretOnceProps) {
  return (
    <div className="flex flex-col gap-4">
      <CopyLine label={label} text={secret} />
      {children !== undefined && <div className="flex flex-col gap-1.5">{children}</div>}
      <div className="flex justify-end">
        <Button autoFocus onClick={onDone}>
          Done
        </Button>
      </div>
    </div>
  )
}

/** A text for programs, with a way to take it along. */
export function CopyLine({ label, text }: { label: string; text: string }) {
  return (
    <div className="flex items-start gap-1 rounded-lg border bg-code p-1 pl-3 text-code-foreground">
      <code
        aria-label={label}
        className="min-w-0 flex-1 py-1.5 font-mono text-[0.8125rem] leading-5 break-all whitespace-pre-wrap"
      >
        {text}
      </code>
      <CopyButton text={() => text} label={`Copy ${label.toLowerCase()}`} />
    </div>
  )
}
