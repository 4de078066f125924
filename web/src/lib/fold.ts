import type {
  ChatMessage,
  Done,
  FinishReason,
  LiveCall,
  LiveMessage,
  MessageStatus,
  RunError,
  RunEvent,
  ToolStatus,
} from '@/types/chat'

/** What the events of one run have added up to. */
export interface RunState {
  readonly runId: string
  /** The newest event that is in here; 0 before the first. */
  readonly lastSeq: number
  /** The stored user message that is answered. */
  readonly question?: ChatMessage
  /** The assistant message, growing until the run has ended. */
  readonly answer?: LiveMessage
  /** Why the run could not go on. */
  readonly error?: RunError
  /** How the run ended; absent while it goes on. */
  readonly end?: Done
}

/** A run of which nothing is known yet, or only the snapshot of its answer up to `answer.seq`. */
export function startOfRun(runId: string, answer?: ChatMessage): RunState {
  return answer ? { runId, lastSeq: answer.seq ?? 0, answer } : { runId, lastSeq: 0 }
}

/** Applies one event; an event seen before a reconnect changes nothing. */
export function applyEvent(
  run: RunState,
  event: RunEvent,
  context: { conversationId: string; now: number },
): RunState {
  if (event.seq <= run.lastSeq) return run
  const next = { ...run, lastSeq: event.seq }
  switch (event.type) {
    case 'message':
      return event.data.role === 'assistant'
        ? { ...next, answer: event.data }
        : { ...next, question: event.data }
    case 'token':
      return { ...next, answer: withText(run, event.data.id, event.data.text, event.seq, context) }
    case 'tool-status':
      return { ...next, answer: withCall(run, event.data, event.seq, context) }
    case 'error':
      return { ...next, error: event.data }
    case 'done':
      return ended(next, event.data)
  }
}

function withText(
  run: RunState,
  id: string,
  text: string,
  seq: number,
  context: { conversationId: string; now: number },
): LiveMessage {
  // A call may have begun the answer before anything named it.
  if (run.answer) return { ...run.answer, id, content: run.answer.content + text, seq }
  return { ...begun(run, context), id, content: text, seq }
}

/** The id of an answer that begins with a call: what a call is doing does not name the message, a token does. */
export function provisionalId(runId: string): string {
  return `answer-of-${runId}`
}

/** An answer before its first token. */
function begun(run: RunState, context: { conversationId: string; now: number }): LiveMessage {
  return {
    id: provisionalId(run.runId),
    conversationId: context.conversationId,
    ...(run.question && { parentId: run.question.id }),
    role: 'assistant',
    content: '',
    createdAt: new Date(context.now).toISOString(),
    status: 'streaming',
    runId: run.runId,
  }
}

/** The answer with what one of its calls is doing now. A call that is new stands at the end of what was said so far. */
function withCall(
  run: RunState,
  status: ToolStatus,
  seq: number,
  context: { conversationId: string; now: number },
): LiveMessage {
  const answer = run.answer ?? begun(run, context)
  const calls = answer.toolCalls ?? []
  const known = calls.find((call) => call.id === status.id)
  const call = known ? withStatus(known, status) : newCall(status, answer.content.length)
  const toolCalls = known
    ? calls.map((other) => (other === known ? call : other))
    : [...calls, call]
  return { ...answer, toolCalls, seq }
}

function newCall({ args, ...told }: ToolStatus, offset: number): LiveCall {
  return { ...told, args: args ?? {}, offset }
}

/** What is not told stays as it was; how far a call had come means nothing once it has ended. */
function withStatus(call: LiveCall, { args, ...told }: ToolStatus): LiveCall {
  const { progress, note, ...known } = call
  const goesOn = told.status === 'running'
  return {
    ...known,
    ...(goesOn && progress !== undefined && { progress }),
    ...(goesOn && note !== undefined && { note }),
    args: args ?? known.args,
    ...told,
  }
}

function ended(run: RunState, end: Done): RunState {
  if (run.answer?.status !== 'streaming') return { ...run, end }
  const { seq, ...answer } = run.answer
  return {
    ...run,
    end,
    answer: {
      ...answer,
      status: STATUS_OF[end.finishReason],
      ...(end.usage && { usage: end.usage }),
    },
  }
}

const STATUS_OF: Record<FinishReason, MessageStatus> = {
  stop: 'complete',
  length: 'complete',
  cancelled: 'cancelled',
  interrupted: 'interrupted',
  error: 'error',
}
