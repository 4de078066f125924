'use client'

import { RotateCw } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { models, useModels } from '@/stores/models.store'

import { ModelSetup, Snippet } from './ModelSetup'

/** What to do on a server that has no model: the quickest way first. */
export function NoModel() {
  const { load, items } = useModels()
  const notes = items.flatMap(({ id, name, note }) =>
    note === undefined ? [] : [{ id, name, note }],
  )
  return (
    <div className="column my-auto flex flex-col gap-6 py-10" data-no-model="">
      <div>
        <h2 className="text-2xl leading-8 font-semibold tracking-tight">
          This server has no model yet
        </h2>
        <p className="mt-1.5 text-[0.9375rem] leading-6 text-muted-foreground">
          Weir works; it only needs something that answers.
        </p>
      </div>
      {notes.length > 0 && (
        <ul className="flex flex-col gap-1 text-sm">
          {notes.map(({ id, name, note }) => (
            <li key={id}>
              <span className="font-medium">{name}</span>:{' '}
              <span className="text-muted-foreground">{note}</span>
            </li>
          ))}
        </ul>
      )}
      <div className="flex flex-col gap-4 rounded-2xl border bg-card p-5 text-sm">
        <section>
          <h3 className="font-medium">The small demonstration model</h3>
          <p className="mb-2 text-[0.8125rem] text-muted-foreground">
            One download of 93 MB; no account and no key.
          </p>
          <Snippet text="weir model pull" />
        </section>
        <ModelSetup />
      </div>
      <Button
        className="self-start"
        disabled={load.kind === 'loading'}
        onClick={() => void models.load()}
      >
        <RotateCw aria-hidden="true" />
        {load.kind === 'loading' ? 'Looking…' : 'Look again'}
      </Button>
    </div>
  )
}
