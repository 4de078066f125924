'use client'

import { useState } from 'react'

import { Button } from '@/components/ui/button'

/** What is shown at first, in UTF-16 units: the browser lays out more only on request. */
const FIRST_CHARACTERS = 20_000

/** Text that is too complex to format, as it was written. */
export function PlainBlock({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false)
  const shown = isWhole ? text : text.slice(0, FIRST_CHARACTERS)
  return (
    <div data-plain="" className="rounded-xl border">
      <p role="note" className="border-b px-4 py-2 text-xs text-muted-foreground">
        This message is too complex to format.
      </p>
      <pre
        tabIndex={0}
        role="group"
        aria-label="Unformatted text"
        className="max-h-96 scrollbar-thin overflow-auto px-4 py-3 text-[0.8125rem] leading-5 break-words whitespace-pre-wrap focus-visible:outline-offset-[-2px]"
      >
        {shown}
      </pre>
      {shown.length < text.length && (
        <Button
          variant="ghost"
          size="xs"
          className="m-1"
          onClick={() => {
            setWhole(true)
          }}
        >
          {`Show all ${text.length.toLocaleString('en')} characters`}
        </Button>
      )}
    </div>
  )
}
