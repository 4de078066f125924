'use client'

import { useState } from 'react'

import { Button } from '@/components/ui/button'
import { getJob } from '@/lib/api'
import { type Shortened, shortenedOf } from '@/lib/calls'
import { type Failure, toFailure } from '@/lib/failure'

import Markdown from '../../Markdown'
import { LongText } from './LongText'
import { Value } from './Value'

/** What a call gave: a text as Markdown, everything else field by field or as JSON. */
export function Output({ id, output }: { id: string; output: unknown }) {
  const shortened = shortenedOf(output)
  if (shortened !== undefined) return <ShortenedOutput id={id} shortened={shortened} />
  if (typeof output === 'string' && output.trim() !== '')
    return (
      <LongText text={output}>
        {(shown, extent) => <Markdown text={shown} extent={extent} />}
      </LongText>
    )
  return <Value value={output} />
}

type Whole =
  | { readonly kind: 'unasked' | 'loading' }
  | { readonly kind: 'ready'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** An answer keeps the beginning of a long output; its job keeps the whole. */
function ShortenedOutput({ id, shortened }: { id: string; shortened: Shortened }) {
  const [whole, setWhole] = useState<Whole>({ kind: 'unasked' })
  const load = () => {
    setWhole({ kind: 'loading' })
    getJob(id, { fetch: (input, init) => fetch(input, init) }).then(
      ({ output }) => {
        setWhole({ kind: 'ready', output })
      },
      (error: unknown) => {
        setWhole({ kind: 'failed', failure: toFailure(error, Date.now()) })
      },
    )
  }
  if (whole.kind === 'ready') return <Value value={whole.output} />
  return (
    <>
      <Value value={shortened.beginning} />
      <div className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-lg bg-muted px-3 py-2 text-[0.8125rem] text-muted-foreground">
        <p className="min-w-40 flex-1">
          {whole.kind === 'failed'
            ? whole.failure.message
            : `Shortened: the model was shown the beginning of ${shortened.characters.toLocaleString('en')} characters.`}
        </p>
        <Button variant="outline" size="xs" disabled={whole.kind === 'loading'} onClick={load}>
          {whole.kind === 'loading' ? 'Loading…' : 'Load the whole output'}
        </Button>
      </div>
    </>
  )
}
