import * as z from 'zod/mini'

import { ContractError } from './errors'

/** A generated schema whose parsed value is a `T`. */
export type Schema<T> = z.core.$ZodType<T>

/**
 * The value as a `T`.
 * @throws {ContractError} when it does not fit; the message names each field that is wrong.
 */
export function parse<T>(schema: Schema<T>, value: unknown, subject: string): T {
  const result = z.safeParse(schema, value)
  if (result.success) return result.data
  const faults = result.error.issues.map(
    (issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`,
  )
  throw new ContractError(`${subject} does not fit the contract: ${faults.join('; ')}`)
}

/**
 * The JSON text as a `T`.
 * @throws {ContractError} when it is not JSON, or does not fit.
 */
export function parseJson<T>(schema: Schema<T>, text: string, subject: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ContractError(`${subject} is not JSON`)
  }
  return parse(schema, value, subject)
}
