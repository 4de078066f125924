import type { FieldError } from '@/types/api'

import { ApiError, ContractError, OfflineError } from './errors'

/** What went wrong, as data that a component can show. */
export interface Failure {
  readonly kind: 'offline' | 'problem' | 'contract' | 'unexpected'
  /** A sentence for a person. */
  readonly message: string
  /** The server's stable word for it. */
  readonly code?: string
  readonly status?: number
  readonly requestId?: string
  /** Milliseconds since the epoch from which another try makes sense. */
  readonly retryAt?: number
  readonly fields?: readonly FieldError[]
}

/** What an action that can fail resolves to; such actions never reject. */
export type Outcome = { readonly ok: true } | { readonly ok: false; readonly failure: Failure }

export const OK: Outcome = { ok: true }

/** The failure that a caught error stands for; `now` in milliseconds since the epoch. */
export function toFailure(error: unknown, now: number): Failure {
  if (error instanceof ApiError) {
    return {
      kind: 'problem',
      message: error.message,
      code: error.code,
      status: error.status,
      ...(error.requestId !== undefined && { requestId: error.requestId }),
      ...(error.retryAfterMs !== undefined && { retryAt: now + error.retryAfterMs }),
      ...(error.fields.length > 0 && { fields: error.fields }),
    }
  }
  if (error instanceof OfflineError) return { kind: 'offline', message: error.message }
  if (error instanceof ContractError) {
    return {
      kind: 'contract',
      message: 'This page and the server are of different versions. Reload the page.',
    }
  }
  return { kind: 'unexpected', message: 'Something unexpected went wrong. Try again.' }
}
