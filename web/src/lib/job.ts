import type { Job, JobEvent, ToolCallStatus } from '@/types/tools'

/** Words on what a job was doing that are kept; of more, the newest. */
const MOST_NOTES = 500

/** A job, and what its log has told of it. */
export interface JobState {
  readonly job: Job
  /** The newest event that is in here; 0 before the first. */
  readonly lastSeq: number
  /** What it said that it was doing, oldest first. */
  readonly notes: readonly JobNote[]
  /** The parts of its output that came before the whole. */
  readonly parts: readonly unknown[]
}

/** One word on what a job was doing, with the number of its event. */
export interface JobNote {
  readonly seq: number
  readonly text: string
}

/** A job whose log has not been read yet. */
export function startOfJob(job: Job): JobState {
  return { job, lastSeq: 0, notes: [], parts: [] }
}

/** Applies one event of a job's log; an event seen before changes nothing. `now` in milliseconds since the epoch. */
export function applyJobEvent(state: JobState, event: JobEvent, now: number): JobState {
  if (event.seq <= state.lastSeq) return state
  const next = { ...state, lastSeq: event.seq }
  switch (event.type) {
    case 'tool_update': {
      const { note } = event.data
      const told = { ...next, notes: withNote(state.notes, event.seq, note) }
      // What is known of a job may be newer than the log that is being read: it never goes back.
      if (rank(event.data.status) < rank(state.job.status)) return told
      const { approval, progress, status } = event.data
      return {
        ...told,
        job: {
          ...state.job,
          status,
          ...(approval !== undefined && { approval }),
          ...(progress !== undefined && { progress }),
          ...(note !== undefined && { note }),
        },
      }
    }
    case 'partial_result':
      return { ...next, parts: [...state.parts, event.data.data] }
    case 'complete':
      return { ...next, job: ended(state.job, { status: 'done', output: event.data.output }, now) }
    case 'error': {
      const { code, message } = event.data
      return { ...next, job: ended(state.job, { status: 'error', error: { code, message } }, now) }
    }
  }
}

/** The state with what the server says of the job now; the log's own news are not lost by it. */
export function withSnapshot(state: JobState, job: Job): JobState {
  return rank(job.status) < rank(state.job.status) ? state : { ...state, job }
}

/** Has it ended, well or badly? */
export function hasEnded(job: Job): boolean {
  return job.status === 'done' || job.status === 'error'
}

/** The arguments as an object, whatever a model made of them. */
export function argumentsOf(job: Job): Record<string, unknown> {
  const { args } = job
  return typeof args === 'object' && args !== null && !Array.isArray(args)
    ? (args as Record<string, unknown>)
    : {}
}

function ended(job: Job, end: Partial<Job>, now: number): Job {
  return hasEnded(job) ? job : { ...job, ...end, endedAt: new Date(now).toISOString() }
}

function withNote(
  notes: readonly JobNote[],
  seq: number,
  text: string | undefined,
): readonly JobNote[] {
  if (text === undefined || text === notes.at(-1)?.text) return notes
  return [...notes, { seq, text }].slice(-MOST_NOTES)
}

function rank(status: ToolCallStatus): number {
  switch (status) {
    case 'queued':
      return 0
    case 'running':
      return 1
    case 'done':
    case 'error':
      return 2
  }
}
