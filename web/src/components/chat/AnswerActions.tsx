'use client'

import { RefreshCw } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { cn } from '@/lib/utils'
import type { ThreadMessage } from '@/stores/chat.store'

import { CopyButton } from '../CopyButton'
import { BranchSwitcher } from './BranchSwitcher'

interface AnswerActionsProps {
  message: ThreadMessage
  last: boolean
  onRegenerate: (() => void) | undefined
}

/** Copy, again, other versions, and what made the answer. In view for the newest, on demand for the others. */
export function AnswerActions({ message, last, onRegenerate }: AnswerActionsProps) {
  return (
    <div
      className={cn(
        'mt-2 -ml-2 flex h-8 items-center gap-0.5 transition-opacity',
        !last &&
          'opacity-0 group-focus-within/message:opacity-100 group-hover/message:opacity-100 pointer-coarse:opacity-100',
      )}
    >
      {message.content !== '' && <CopyButton text={() => message.content} label="Copy answer" />}
      {onRegenerate !== undefined && (
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label="Regenerate"
          title="Regenerate"
          onClick={onRegenerate}
        >
          <RefreshCw aria-hidden="true" className="size-3.5" />
        </Button>
      )}
      <BranchSwitcher id={message.id} />
      <span className="ml-2 truncate text-xs text-muted-foreground" data-answer-facts="">
        {factsOf(message)}
      </span>
    </div>
  )
}

/** Model, length and time: "openai/gpt-large · 812 tokens". */
function factsOf({ model, usage }: ThreadMessage): string {
  const tokens =
    usage === undefined ? undefined : `${usage.outputTokens.toLocaleString('en')} tokens`
  return [model, tokens].filter((fact) => fact !== undefined).join(' · ')
}
