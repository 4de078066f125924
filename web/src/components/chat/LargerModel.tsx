'use client'

import type { ReactNode } from 'react'

import { Popover, PopoverContent, PopoverTrigger } from '@/components/ui/popover'
import { cn } from '@/lib/utils'

import { CopyButton } from '../CopyButton'

interface LargerModelProps {
  children: ReactNode
  className?: string
}

/** Says how to plug in a larger model, where it is asked for. */
export function LargerModel({ children, className }: LargerModelProps) {
  return (
    <Popover>
      <PopoverTrigger
        className={cn(
          'rounded-sm font-medium text-foreground underline decoration-foreground/30 underline-offset-3 hover:decoration-foreground',
          className,
        )}
      >
        {children}
      </PopoverTrigger>
      <PopoverContent className="w-96 text-left" aria-label="Use a larger model">
        <ModelSetup />
      </PopoverContent>
    </Popover>
  )
}

const WAYS = [
  {
    title: 'Any OpenAI-compatible server',
    text: 'OpenAI itself, or Ollama, vLLM, llama.cpp …',
    snippet: 'export OPENAI_BASE_URL=https://api.openai.com/v1\nexport OPENAI_API_KEY=sk-…',
  },
  {
    title: 'A model file on this machine',
    text: 'Any instruct model in the GGUF format.',
    snippet: 'export WEIR_LOCAL_MODEL=/path/to/model.gguf',
  },
]

/** The ways to a larger model, each with lines to copy. */
export function ModelSetup() {
  return (
    <div className="flex flex-col gap-4">
      <p className="leading-5">
        Set one of these where the server runs, and start it again. Your conversations stay.
      </p>
      {WAYS.map(({ title, text, snippet }) => (
        <section key={title}>
          <h3 className="font-medium">{title}</h3>
          <p className="mb-2 text-[0.8125rem] text-muted-foreground">{text}</p>
          <Snippet text={snippet} />
        </section>
      ))}
    </div>
  )
}

/** Lines for a terminal, with a button that copies them. */
export function Snippet({ text }: { text: string }) {
  return (
    <div className="flex items-start gap-1 rounded-lg border bg-code p-1 pl-3 text-code-foreground">
      <pre className="min-w-0 flex-1 py-1.5 font-mono text-xs leading-5 [overflow-wrap:anywhere] whitespace-pre-wrap">
        {text}
      </pre>
      <CopyButton text={() => text} label="Copy these lines" />
    </div>
  )
}
