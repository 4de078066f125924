import type { FieldError } from '@/types/api'

/** What an {@link ApiError} is made of. */
export interface ApiErrorParts {
  status: number
  /** A stable snake_case word for programs. */
  code: string
  /** A sentence for a person. */
  detail: string
  fields?: readonly FieldError[]
  /** Milliseconds until another try makes sense, from `Retry-After`. */
  retryAfterMs?: number
  requestId?: string
}

/** The server answered, and said no: an RFC 9457 problem, or a bare status from something in front of it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly code: string
  readonly fields: readonly FieldError[]
  readonly retryAfterMs: number | undefined
  readonly requestId: string | undefined

  constructor(parts: ApiErrorParts) {
    super(parts.detail)
    this.status = parts.status
    this.code = parts.code
    this.fields = parts.fields ?? []
    this.retryAfterMs = parts.retryAfterMs
    this.requestId = parts.requestId
  }
}

/** No answer came: the network or the server is away. */
export class OfflineError extends Error {
  override readonly name = 'OfflineError'

  constructor(cause?: unknown) {
    super('The server cannot be reached. Check the connection.', { cause })
  }
}

/** A payload that does not have the shape that the contract promises: client and server are of different versions. */
export class ContractError extends Error {
  override readonly name = 'ContractError'
}

/** Is it the rejection of a request that its own caller gave up? */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
