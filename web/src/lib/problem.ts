import type { Problem } from '@/types/api'
import { zProblem } from '@/types/generated/zod.gen'

import { ApiError } from './errors'
import { parseJson } from './parse'
import { goToSignIn } from './sign-in'

/**
 * What the server says when it says no. Who is not signed in any more is led to the sign-in.
 * @throws {TypeError} when the connection breaks meanwhile.
 */
export async function toApiError(path: string, response: Response): Promise<ApiError> {
  // Those who are signing in are told what was wrong with it.
  if (response.status === 401 && !path.startsWith('/api/auth')) goToSignIn()
  const retryAfterMs = retryAfter(response.headers)
  const type = response.headers.get('content-type') ?? ''
  if (!type.startsWith('application/problem+json')) return plainError(response, retryAfterMs)

  const problem = readProblem(await response.text())
  if (!problem) return plainError(response, retryAfterMs)
  return new ApiError({
    status: response.status,
    code: problem.code,
    detail: problem.detail,
    requestId: problem.requestId,
    ...(problem.errors && { fields: problem.errors }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

function readProblem(text: string): Problem | undefined {
  try {
    return parseJson(zProblem, text, 'a problem document')
  } catch {
    return undefined
  }
}

/** The error page of a proxy in front of the server: only its status means anything. */
function plainError(response: Response, retryAfterMs: number | undefined): ApiError {
  const requestId = response.headers.get('x-request-id')
  return new ApiError({
    status: response.status,
    code: `http_${response.status}`,
    detail: `The server answered with status ${response.status}.`,
    ...(requestId !== null && { requestId }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

/** `Retry-After` in milliseconds; Weir sends whole seconds only (RFC 9110 §10.2.3). */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get('retry-after')
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined
}
