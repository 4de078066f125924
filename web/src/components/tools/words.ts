import { Ban, Check, Hand } from 'lucide-react'

import type { Caller, Decision, Job, Match, Permission, ToolInfo } from '@/types/tools'

/** What a tool may be permitted, in the order in which it is offered. */
export const PERMISSIONS = [
  {
    value: 'allow',
    label: 'Allow',
    Icon: Check,
    meaning: 'Runs whenever a model, a program or you ask for it.',
  },
  {
    value: 'ask',
    label: 'Ask',
    Icon: Hand,
    meaning: 'A model or a program that wants it waits for your word. You can always run it here.',
  },
  {
    value: 'deny',
    label: 'Deny',
    Icon: Ban,
    meaning: 'Does not run, whoever asks, and models do not hear of it.',
  },
] as const satisfies readonly { value: Permission; [rest: string]: unknown }[]

export function permissionOf(value: Permission) {
  return PERMISSIONS.find((permission) => permission.value === value) ?? PERMISSIONS[1]
}

/** How a rule compares an argument, as a person says it. */
export const MATCHES = [
  { value: 'equals', label: 'is' },
  { value: 'prefix', label: 'begins with' },
  { value: 'host', label: 'is on the host' },
] as const satisfies readonly { value: Match; label: string }[]

/** Who asked for a job. */
export const CALLERS: Record<Caller, string> = {
  person: 'You',
  model: 'A model',
  mcp: 'A program',
}

/** What a tool is called where it comes from. */
export function sourceOf(tool: Pick<ToolInfo, 'server' | 'source'>): string {
  return tool.source === 'builtin' ? 'Built in' : (tool.server ?? 'MCP server')
}

/** Whose word it was that a job ran, or did not. */
export function decisionOf({ approval, by }: Decision): string {
  switch (by) {
    case 'permission':
      return approval === 'denied' ? 'Denied by its permission' : 'Allowed by its permission'
    case 'person':
      return approval === 'denied' ? 'Denied by you' : 'Granted by you'
    case 'timeout':
      return 'Denied: nobody answered in time'
  }
}

/** How far a job has come, in a word. */
export function statusOf(job: Job): string {
  if (job.approval === 'pending' && job.status !== 'error') return 'Waits for approval'
  switch (job.status) {
    case 'queued':
      return 'Queued'
    case 'running':
      return 'Running'
    case 'done':
      return 'Done'
    case 'error':
      return isCancelled(job) ? 'Cancelled' : 'Failed'
  }
}

export function isCancelled(job: Job): boolean {
  return job.error?.code === 'cancelled'
}

/** `ms` milliseconds as a person says it: 12 ms, 0.4 s, 12 s, 3 min 5 s, 2 h 10 min. */
export function durationOf(ms: number): string {
  if (ms < 100) return `${Math.max(0, Math.round(ms))} ms`
  const seconds = ms / 1_000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`
}

/** A value on one line, for a list. */
export function inLine(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return JSON.stringify(value)
  return Object.entries(value)
    .map(([name, part]) => `${name}: ${typeof part === 'string' ? part : JSON.stringify(part)}`)
    .join(', ')
}

/** An argument's name as a label: `timeZone` → Time zone. */
export function labelOf(name: string): string {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .trim()
    .toLowerCase()
  return words === '' ? name : words.charAt(0).toUpperCase() + words.slice(1)
}
