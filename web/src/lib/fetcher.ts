import { type SchemaOf, loadValidators } from './contract'
import { type ApiError, OfflineError, isAbort } from './errors'

/** The `fetch` in use; a test passes its own. */
export type Fetch = typeof globalThis.fetch

/** A body, and the schema it must satisfy before it is sent. */
export interface Body<T> {
  readonly schema: SchemaOf<T>
  readonly value: T
}

export interface RequestOptions<T = unknown> {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  readonly body?: Body<T>
  /** Makes a POST that creates something safe to repeat: the same key and body give the first answer again. */
  readonly idempotencyKey?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Lets the request outlive the page. */
  readonly keepalive?: boolean
  readonly fetch?: Fetch
}

/**
 * One request; the response is successful and its body unread. Who is not signed in any more is led to the sign-in.
 * @throws {ApiError} when the server says no.
 * @throws {OfflineError} when no answer comes.
 * @throws {ContractError} when the body does not fit its schema.
 * @throws {DOMException} `AbortError` when `signal` aborts.
 */
export async function request<T>(path: string, options: RequestOptions<T> = {}): Promise<Response> {
  const { body, fetch: send = globalThis.fetch } = options
  const headers = new Headers(options.headers)
  if (!headers.has('accept')) headers.set('accept', 'application/json')
  if (options.idempotencyKey !== undefined) headers.set('idempotency-key', options.idempotencyKey)

  const init: RequestInit = {
    method: options.method ?? 'GET',
    headers,
    credentials: 'same-origin',
    cache: 'no-store',
  }
  if (options.signal) init.signal = options.signal
  if (options.keepalive === true) init.keepalive = true
  if (body) {
    headers.set('content-type', 'application/json')
    const validators = await loadValidators()
    const value = validators.parse(body.schema(validators), body.value, `the body of ${path}`)
    init.body = JSON.stringify(value)
  }

  const response = await answered(send(path, init))
  if (!response.ok) throw await answered(refusalOf(path, response))
  return response
}

/** One request whose answer is a `T`. Throws as {@link request} does, and a `ContractError` when the answer does not fit. */
export async function requestJson<T, B = unknown>(
  path: string,
  schema: SchemaOf<T>,
  options: RequestOptions<B> = {},
): Promise<T> {
  const [response, validators] = await Promise.all([request(path, options), loadValidators()])
  const text = await answered(response.text())
  return validators.parseJson(schema(validators), text, `the answer of ${path}`)
}

/** `path` with the given query; a parameter that is undefined is left out. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? path : `${path}?${text}`
}

/** `fetch` rejects with a bare TypeError when the network fails; that gets a name here. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw isAbort(error) ? error : new OfflineError(error)
  }
}

/** The reader of refusals comes with the validators: no paint needs it. */
async function refusalOf(path: string, response: Response): Promise<ApiError> {
  return (await loadValidators()).toApiError(path, response)
}
