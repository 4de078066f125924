'use client'

import { memo, useEffect, useId, useRef, useState, type KeyboardEvent } from 'react'

import { Progress } from '@/components/ui/progress'
import { type CallState, isOver, stateOf } from '@/lib/calls'
import { cn } from '@/lib/utils'
import { type Word, approvals, useWord } from '@/stores/approvals.store'
import { jobs } from '@/stores/jobs.store'
import { tools, toolsStore, useTool } from '@/stores/tools.store'
import type { LiveCall } from '@/types/chat'

import { reportFailure } from './toasts'
import { ApprovalRequest } from './tools/card/ApprovalRequest'
import { wordsOf } from './tools/card/CallBadge'
import { CallHeader } from './tools/card/CallHeader'
import { CallQuestion } from './tools/card/CallQuestion'
import { LiveParts } from './tools/card/LiveParts'
import { Output } from './tools/card/Output'
import { Section } from './tools/card/Section'
import { Value } from './tools/card/Value'
import { labelOf } from './tools/words'

interface ToolInvocationCardProps {
  call: LiveCall
  /** Whether the answer goes on: in one that has ended nothing runs any more, whatever was heard last. */
  live?: boolean
  /** Whether it shows everything before the person has said so; a call that asks always does. */
  initially?: 'collapsed' | 'expanded'
  onDismiss?: () => void
}

/** One call of a tool: what is called with what, how it stands, what it gives, and the person's word where it waits for one. */
export const ToolInvocationCard = memo(function ToolInvocationCard({
  call,
  live = true,
  initially = 'collapsed',
  onDismiss,
}: ToolInvocationCardProps) {
  const { args, error, id, name, note, output, progress } = call
  const title = useTitle(name)
  const state = shownState(call, live, useWord(id))
  const asks = state === 'waiting'
  const [chosen, setChosen] = useState<boolean>()
  const expanded = chosen ?? (asks || initially === 'expanded')
  const toggle = useRef<HTMLButtonElement>(null)
  const bodyId = useId()

  const onKeyDown = (event: KeyboardEvent) => {
    if (!asks || event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return
    const key = event.key.toLowerCase()
    if (key !== 'a' && key !== 'd') return
    event.preventDefault()
    toggle.current?.focus()
    void approvals.decide(id, { decision: key === 'a' ? 'grant' : 'deny' })
  }

  return (
    <div
      role="group"
      aria-label={`Tool: ${title}`}
      data-tool-call={name}
      data-state={state}
      className={cn(
        'my-3 min-w-0 rounded-xl border bg-card text-sm leading-5 text-card-foreground',
        asks && 'border-warning/50',
      )}
      onKeyDown={onKeyDown}
    >
      <CallHeader
        title={title}
        args={args}
        state={state}
        expanded={expanded}
        bodyId={bodyId}
        toggle={toggle}
        onToggle={() => {
          setChosen(!expanded)
        }}
        onCancel={
          state === 'running'
            ? () => {
                toggle.current?.focus()
                void jobs.cancel(id).then(reportFailure)
              }
            : undefined
        }
        onDismiss={onDismiss}
      />
      {/* Said once for each change of state, not for each step of progress. */}
      <p role="status" className="sr-only">
        {title}: {wordsOf(state)}
      </p>
      {state === 'running' && (
        <div className="flex flex-col gap-1.5 px-3.5 pb-3">
          <Progress label={`Progress of ${title}`} value={progress} />
          {note !== undefined && (
            <p className="truncate text-[0.8125rem] text-muted-foreground" data-call-note="">
              {note}
            </p>
          )}
        </div>
      )}
      {state === 'running' && <CallQuestion callId={id} onAnswer={() => toggle.current?.focus()} />}
      {error !== undefined && (
        <p className="px-3.5 pb-3 text-[0.8125rem] [overflow-wrap:anywhere]" data-call-error="">
          {error.message}{' '}
          <code className="font-mono text-xs text-muted-foreground">{error.code}</code>
        </p>
      )}
      <div
        id={bodyId}
        hidden={!expanded}
        className="flex flex-col gap-3.5 border-t px-3.5 py-3 [&[hidden]]:hidden"
      >
        {expanded && (
          <>
            <Section title="Arguments">
              <Value value={args} />
            </Section>
            {state === 'running' && <LiveParts id={id} />}
            {output !== undefined && (
              <Section title="Output">
                <Output id={id} output={output} />
              </Section>
            )}
          </>
        )}
        {asks && (
          <ApprovalRequest
            id={id}
            title={title}
            asker="The model"
            shortcuts
            onAnswer={() => toggle.current?.focus()}
          />
        )}
      </div>
    </div>
  )
})

/** The tool's name for people; until the tools are known, and for one that is gone, what its name says. */
function useTitle(name: string): string {
  const tool = useTool(name)
  useEffect(() => {
    if (toolsStore.getState().load.kind === 'idle') void tools.load()
  }, [])
  return tool?.title ?? labelOf(name)
}

/** How a call stands, with what this tab knows already of the person's word on it. */
function shownState(call: LiveCall, live: boolean, word: Word | undefined): CallState {
  if (!live && !isOver(call)) return 'cancelled'
  const state = stateOf(call)
  if (state !== 'waiting' || word?.kind !== 'settled') return state
  return word.approval === 'denied' ? 'denied' : 'queued'
}

function isField(target: EventTarget): boolean {
  return target instanceof HTMLElement && ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName)
}
