'use client'

import { Skeleton } from '@/components/ui/skeleton'
import { cn } from '@/lib/utils'
import { useSelectedModel } from '@/stores/models.store'

import { LogoMark } from '../layout/Logo'
import { LargerModel } from './LargerModel'

export const SUGGESTIONS = [
  {
    title: 'Explain something',
    prompt: 'Explain how a weir works, as if to a curious ten-year-old.',
  },
  {
    title: 'Draft a message',
    prompt: 'Draft a short, friendly email that moves a meeting to Thursday.',
  },
  {
    title: 'Write some code',
    prompt: 'Write a Python function that removes duplicates from a list and keeps the order.',
  },
  { title: 'Compare two things', prompt: 'Compare tea and coffee in a small table.' },
]

/** Room for what is said of the demonstration model: three lines, on a phone five. */
export const MODEL_NOTE_ROOM = 'mt-6 min-h-15 max-sm:mt-4 max-sm:min-h-25'

/** An empty conversation: a greeting, and four ways to begin. */
export function Welcome({ onSend }: { onSend: (text: string) => void }) {
  const model = useSelectedModel()
  return (
    <div className="column my-auto flex flex-col py-8 max-sm:pt-4 max-sm:pb-7" data-welcome="">
      <Greeting />
      <ul className="mt-8 grid gap-2.5 max-sm:mt-6 max-sm:gap-2 sm:grid-cols-2">
        {SUGGESTIONS.map(({ title, prompt }) => (
          <li key={title}>
            <button
              type="button"
              data-suggestion=""
              className="flex size-full flex-col gap-1 rounded-2xl border bg-card px-4 py-3.5 text-left transition-colors outline-none hover:border-input hover:bg-muted focus-visible:ring-2 focus-visible:ring-ring"
              onClick={() => {
                onSend(prompt)
              }}
            >
              <SuggestionText title={title} prompt={prompt} />
            </button>
          </li>
        ))}
      </ul>
      {/* Keeps its height while the models load, so that nothing above it moves. */}
      <div
        className={cn(MODEL_NOTE_ROOM, 'text-[0.8125rem] leading-5 text-muted-foreground')}
        data-model-note=""
      >
        {model?.demo === true && (
          <>
            <p>
              <span className="font-medium text-foreground">{model.name}</span> answers here: a
              small demonstration model inside this server.
            </p>
            <p>
              It shows how Weir feels, and is often wrong.{' '}
              <LargerModel>Plug in a larger model</LargerModel>
            </p>
            {!model.capabilities.tools && (
              <p>It calls no tools by itself: type / below to call one.</p>
            )}
          </>
        )}
      </div>
    </div>
  )
}

function SuggestionText({ title, prompt }: { title: string; prompt: string }) {
  return (
    <>
      <span className="text-sm font-medium">{title}</span>
      <span className="text-[0.8125rem] leading-5 text-muted-foreground">{prompt}</span>
    </>
  )
}

/** Blanks as high as the suggestions, so that nothing moves when those take their place. */
export function SuggestionsPlaceholder() {
  return (
    <div className="mt-8 grid gap-2.5 max-sm:mt-6 max-sm:gap-2 sm:grid-cols-2">
      {SUGGESTIONS.map(({ title, prompt }) => (
        <Skeleton
          key={title}
          className="flex flex-col gap-1 rounded-2xl border border-transparent px-4 py-3.5 *:invisible"
        >
          <SuggestionText title={title} prompt={prompt} />
        </Skeleton>
      ))}
    </div>
  )
}

/** The greeting; also in the page as it is served, before any script has run. */
export function Greeting() {
  return (
    <div>
      <LogoMark className="mb-4 size-9 text-primary" />
      <h2 className="text-[1.625rem] leading-9 font-semibold tracking-tight">
        What would you like to know?
      </h2>
      <p className="mt-1 text-[0.9375rem] text-muted-foreground">
        An answer, once started, is never lost: close the page, and it goes on.
      </p>
    </div>
  )
}
