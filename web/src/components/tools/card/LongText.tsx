'use client'

import { useState, type ReactNode } from 'react'

import { Button } from '@/components/ui/button'

/** What is shown at first of a long text. */
const MOST_CHARACTERS = 1_200
const MOST_LINES = 16

function beginningOf(text: string): string {
  const lines = text.slice(0, MOST_CHARACTERS).split('\n')
  return lines.slice(0, MOST_LINES).join('\n')
}

interface LongTextProps {
  text: string
  /** Draws the text, or its beginning. */
  children: (text: string, extent: 'cut' | 'whole') => ReactNode
}

/** A text whose beginning is shown first when it is long. */
export function LongText({ text, children }: LongTextProps) {
  const [expanded, setExpanded] = useState(false)
  const beginning = beginningOf(text)
  const isLong = beginning.length < text.length
  return (
    <>
      {isLong && !expanded ? children(beginning, 'cut') : children(text, 'whole')}
      {isLong && (
        <Button
          variant="ghost"
          size="xs"
          className="mt-1 -ml-2"
          aria-expanded={expanded}
          onClick={() => {
            setExpanded(!expanded)
          }}
        >
          {expanded ? 'Show less' : `Show all ${text.length.toLocaleString('en')} characters`}
        </Button>
      )}
    </>
  )
}
