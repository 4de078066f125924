import { useEffect, useState } from 'react'

import { type RunState, applyEvent, startOfRun } from '@/lib/fold'
import { animationFrame, batchByFrame } from '@/lib/frames'
import { followTopic } from '@/stores/live'
import type { RunEvent } from '@/types/chat'

/** So much of the end of an answer is shown, in UTF-16 units. */
const TAIL = 480

/** What an answer that is being written has come to. */
export interface RunPreview {
  /** The end of its text. */
  readonly tail: string
  /** The tool that it waits for, if it does. */
  readonly tool: string | undefined
}

const NOTHING: RunPreview = { tail: '', tool: undefined }

/** The end of one's own answer as it grows, over the page's session: the same fold as the chat's. */
export function useRunPreview(runId: string, conversationId: string): RunPreview {
  const [preview, setPreview] = useState(NOTHING)
  useEffect(() => {
    let run: RunState = startOfRun(runId)
    const batch = batchByFrame<RunEvent>((events) => {
      for (const event of events) run = applyEvent(run, event, { conversationId, now: Date.now() })
      setPreview(previewOf(run))
    }, animationFrame)
    return followTopic({
      topic: `run:${runId}`,
      after: () => run.lastSeq,
      onFrame: (frame) => {
        if (frame.type === 'chunk') batch.push({ ...frame.chunk, seq: frame.n })
      },
    })
  }, [conversationId, runId])
  return preview
}

function previewOf({ answer }: RunState): RunPreview {
  if (!answer) return NOTHING
  const running = answer.toolCalls?.find(({ status }) => status === 'running')
  return { tail: answer.content.slice(-TAIL), tool: running?.name }
}
