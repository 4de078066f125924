import type { ErrorSchema } from '@rjsf/utils'

import type { FieldError } from '@/types/api'

/** What the server finds wrong with arguments: at their fields, and what belongs to none of them. */
export interface Faults {
  readonly atFields: ErrorSchema
  readonly others: readonly string[]
}

export const NO_FAULTS: Faults = { atFields: {}, others: [] }

/** Where the arguments stand in the body that was sent. */
const ROOT = 'args'

/** A fault's path, such as `args.points[2].x`, as names and places; undefined when it is not one of the arguments. */
export function stepsOf(path: string): string[] | undefined {
  if (!path.startsWith(`${ROOT}.`)) return undefined
  return path
    .slice(ROOT.length + 1)
    .split(/[.[\]]+/)
    .filter((step) => step !== '')
}

/** The faults, each at its field; `names` are the arguments that have one. */
export function faultsAt(errors: readonly FieldError[], names: readonly string[]): Faults {
  const atFields: ErrorSchema = {}
  const others: string[] = []
  for (const { message, path } of errors) {
    const steps = stepsOf(path)
    const [first] = steps ?? []
    if (steps === undefined || first === undefined || !names.includes(first)) {
      others.push(path === ROOT ? sentence(message) : `${path.replace(`${ROOT}.`, '')} ${message}.`)
      continue
    }
    let at: ErrorSchema = atFields
    for (const step of steps) at = (at as Record<string, ErrorSchema>)[step] ??= {}
    at.__errors = [...(at.__errors ?? []), sentence(message)]
  }
  return { atFields, others }
}

/** The faults without those of the arguments that have been changed since. */
export function withoutChanged(
  faults: Faults,
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): Faults {
  const left = Object.entries(faults.atFields).filter(([name]) => before[name] === now[name])
  return { others: faults.others, atFields: Object.fromEntries(left) }
}

/** `is required` → `Is required.` */
function sentence(text: string): string {
  const started = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(started) ? started : `${started}.`
}
