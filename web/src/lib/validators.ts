import * as z from 'zod/mini'

import { ContractError } from './errors'

// The page's content security policy forbids `eval`; without this Zod probes for it, and the browser reports that.
z.config({ jitless: true })

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

/** The number of an event: from 1. */
export const zEventNumber = z.int().check(z.gte(1))

/** An id as the server makes them. */
export const zId = z.uuid()

/** Any JSON value. */
export const zAnything = z.unknown()

export {
  zApprovalList,
  zChatMessage,
  zConversation,
  zConversationPage,
  zCreateMcpServer,
  zDecideApproval,
  zInvokeTool,
  zJob,
  zJobAccepted,
  zJobEvent,
  zJobPage,
  zMcpServer,
  zMcpServerList,
  zMcpServerLog,
  zMessagePage,
  zModelList,
  zProblem,
  zSetPermission,
  zStartRun,
  zStreamChunk,
  zToolInfo,
  zToolList,
  zUpdateConversation,
  zUpdateMcpServer,
} from '@/types/generated/zod.gen'
