import { describe, expect, it, vi } from 'vitest'

import type { Validators } from '@/lib/contract'
import { ApiError, ContractError, OfflineError } from '@/lib/errors'
import { toFailure } from '@/lib/failure'
import { type Fetch, request, requestJson, withQuery } from '@/lib/fetcher'

import { json, problem } from '../support/server'

const zModelList = (validators: Validators) => validators.zModelList
const zStartRun = (validators: Validators) => validators.zStartRun

/** A fetch that gives this answer, and what it was asked. */
function answering(
  answer: () => Response,
): Fetch & { asked: { path: string; init: RequestInit }[] } {
  const asked: { path: string; init: RequestInit }[] = []
  const send = (path: string, init: RequestInit) => {
    asked.push({ path, init })
    return Promise.resolve(answer())
  }
  return Object.assign(send as Fetch, { asked })
}

const failing =
  (error: Error): Fetch =>
  () =>
    Promise.reject(error)

describe('request', () => {
  it('sends a checked body as JSON, with its idempotency key', async () => {
    const fetch = answering(() => json({}))
    await request('/api/realtime', {
      method: 'POST',
      body: { schema: zStartRun, value: { prompt: 'Hi' } },
      idempotencyKey: 'k-1',
      fetch,
    })
    const { init } = fetch.asked[0] ?? {}
    expect(init).toMatchObject({ method: 'POST', body: '{"prompt":"Hi"}' })
    expect(Object.fromEntries(new Headers(init?.headers))).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': 'k-1',
    })
  })

  it('refuses a body that breaks the contract before anything is sent', async () => {
    const fetch = answering(() => json({}))
    const body = { schema: zStartRun, value: { prompt: '', conversationId: 'nonsense' } }
    const error = await request('/api/realtime', { method: 'POST', body, fetch }).catch(
      (caught: unknown) => caught,
    )
    expect(error).toBeInstanceOf(ContractError)
    expect(String(error)).toContain('prompt:')
    expect(String(error)).toContain('conversationId:')
    expect(fetch.asked).toEqual([])
  })

  it('leads to the sign-in who is not signed in any more, but not who is just signing in', async () => {
    const replace = vi.fn()
    vi.stubGlobal('location', { pathname: '/chat', search: '?c=1', replace })
    const fetch = answering(() => problem(401, 'unauthenticated'))
    await request('/api/auth/sign-in', { method: 'POST', fetch }).catch(() => undefined)
    expect(replace).not.toHaveBeenCalled()
    const error = await request('/api/models', { fetch }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ status: 401, code: 'unauthenticated' })
    expect(replace.mock.calls).toEqual([['/sign-in?next=%2Fchat%3Fc%3D1']])
  })

  it('turns a problem document into an error with code, fields, request and time to wait', async () => {
    const errors = [{ path: 'prompt', message: 'must not be blank' }]
    const fetch = answering(() =>
      problem(422, 'invalid', { detail: 'Look at the prompt.', errors }),
    )
    const error = await request('/api/x', { fetch }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({
      status: 422,
      code: 'invalid',
      message: 'Look at the prompt.',
      fields: errors,
      requestId: 'r-1',
    })
  })

  it('reads Retry-After in seconds, and a failure says when to come back', async () => {
    const fetch = answering(() => problem(429, 'rate_limited', { retryAfter: 7 }))
    const error = await request('/api/x', { fetch }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ retryAfterMs: 7000 })
    expect(toFailure(error, 1000)).toMatchObject({
      kind: 'problem',
      code: 'rate_limited',
      retryAt: 8000,
    })
  })

  it.each([
    ['an error page', () => new Response('<h1>Bad gateway</h1>', { status: 502 })],
    [
      'a broken problem',
      () =>
        new Response('{', { status: 502, headers: { 'content-type': 'application/problem+json' } }),
    ],
  ])('keeps the status of %s', async (_, answer) => {
    const error = await request('/api/x', { fetch: answering(answer) }).catch(
      (caught: unknown) => caught,
    )
    expect(error).toMatchObject({ name: 'ApiError', status: 502, code: 'http_502' })
  })

  it('names a network that fails, and leaves a request that was given up alone', async () => {
    const offline = request('/api/x', { fetch: failing(new TypeError('Failed to fetch')) })
    await expect(offline).rejects.toBeInstanceOf(OfflineError)
    const aborted = request('/api/x', { fetch: failing(new DOMException('gone', 'AbortError')) })
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('requestJson', () => {
  it('gives the parsed answer', async () => {
    const fetch = answering(() => json({ items: [] }))
    await expect(requestJson('/api/models', zModelList, { fetch })).resolves.toEqual({ items: [] })
  })

  it('names the field of an answer that does not fit', async () => {
    const fetch = answering(() => json({ items: [{ id: 7 }] }))
    await expect(requestJson('/api/models', zModelList, { fetch })).rejects.toThrow(/items\.0\.id/)
  })

  it('does not take a page for an answer', async () => {
    const fetch = answering(() => new Response('<html>'))
    await expect(requestJson('/api/models', zModelList, { fetch })).rejects.toThrow('is not JSON')
  })
})

describe('withQuery', () => {
  it('leaves out what is undefined and escapes the rest', () => {
    expect(withQuery('/a', { q: 'x & y', limit: 5, cursor: undefined })).toBe(
      '/a?q=x+%26+y&limit=5',
    )
    expect(withQuery('/a', {})).toBe('/a')
  })
})
