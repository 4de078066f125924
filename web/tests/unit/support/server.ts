import type { Model, Problem } from '@/types/api'
import type { ChatMessage, Conversation, StreamChunk } from '@/types/chat'

import { id } from './values'

/** A request as the fake server saw it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly query: Record<string, string>
  readonly body: unknown
  readonly key: string | null
}

type Answer = Response | Promise<Response>
type Reader = ReadableStreamDefaultController<Uint8Array>

interface Log {
  readonly runId: string
  readonly conversationId: string
  readonly events: StreamChunk[]
  readonly readers: Set<Reader>
}

const encoder = new TextEncoder()

/** Speaks the contract's `/api/realtime` and `/api/messages` over a log in memory; readers are cut when a test says so. */
export class FakeServer {
  readonly seen: Seen[] = []
  readonly logs = new Map<string, Log>()
  readonly messages: ChatMessage[] = []
  readonly conversations: Conversation[] = []
  readonly models: Model[] = []
  pageSize = 50
  /** Answers of the requests to come, before the server's own: the first fits the first request. */
  readonly instead: ((seen: Seen) => Answer | undefined)[] = []
  private readonly byKey = new Map<string, string>()
  private made = 0

  fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input, 'http://weir.test')
    const seen: Seen = {
      method: init.method ?? 'GET',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined,
      key: new Headers(init.headers).get('idempotency-key'),
    }
    this.seen.push(seen)
    init.signal?.throwIfAborted()
    const scripted = this.instead.shift()?.(seen)
    return scripted ?? this.route(seen)
  }

  /** The requests of a method to paths that start with `path`. */
  requests(method: string, path: string): Seen[] {
    return this.seen.filter((seen) => seen.method === method && seen.path.startsWith(path))
  }

  /** The log of the newest run. */
  get newest(): Log {
    const log = [...this.logs.values()].at(-1)
    if (!log) throw new Error('no run was started')
    return log
  }

  nextId(): string {
    this.made += 1
    return id(this.made)
  }

  /** Appends to a run's log; readers hear it at once. */
  append(log: Log, ...chunks: StreamChunk[]): void {
    for (const chunk of chunks) {
      log.events.push(chunk)
      for (const reader of log.readers) {
        reader.enqueue(encoder.encode(frame(log.events.length, chunk)))
        if (chunk.type === 'done') reader.close()
      }
      if (chunk.type === 'done') log.readers.clear()
    }
  }

  /** Breaks every connection that reads the log. */
  cut(log: Log): void {
    for (const reader of log.readers) reader.error(new TypeError('connection reset'))
    log.readers.clear()
  }

  /** Ends every body that reads the log, as a proxy does: without `done`. */
  end(log: Log): void {
    for (const reader of log.readers) reader.close()
    log.readers.clear()
  }

  /** Writes what is not an event: a heartbeat. */
  ping(log: Log): void {
    for (const reader of log.readers) reader.enqueue(encoder.encode(': ping\n\n'))
  }

  private route(seen: Seen): Response {
    const { method, path } = seen
    if (method === 'POST' && path === '/api/realtime') return this.start(seen)
    if (method === 'GET' && path.startsWith('/api/realtime/')) return this.read(seen)
    if (method === 'DELETE' && path.startsWith('/api/realtime/'))
      return new Response(null, { status: 202 })
    if (method === 'GET' && path === '/api/messages') return this.page(seen)
    if (method === 'GET' && path === '/api/conversations')
      return json({ items: this.conversations })
    if (method === 'GET' && path === '/api/models') return json({ items: this.models })
    return problem(404, 'not_found')
  }

  private start({ body, key }: Seen): Response {
    const known = key === null ? undefined : this.byKey.get(key)
    if (known !== undefined) return this.stream(known, 0)
    const {
      conversationId = this.nextId(),
      editOf,
      prompt,
      ...rest
    } = body as Record<string, string | undefined>
    const parentId =
      editOf === undefined
        ? rest['parentId']
        : this.messages.find(({ id }) => id === editOf)?.parentId
    const question =
      prompt === undefined
        ? this.messages.find((message) => message.id === parentId)
        : message({
            id: this.nextId(),
            conversationId,
            content: prompt,
            ...(parentId !== undefined && { parentId }),
          })
    if (!question) return problem(404, 'not_found')
    if (prompt !== undefined) this.messages.push(question)
    const runId = this.nextId()
    this.logs.set(runId, {
      runId,
      conversationId,
      events: [{ type: 'message', data: question }],
      readers: new Set(),
    })
    if (key !== null) this.byKey.set(key, runId)
    return this.stream(runId, 0)
  }

  private read({ path, query }: Seen): Response {
    const runId = path.split('/').at(-1) ?? ''
    const after = Number(query['after'] ?? '0')
    const log = this.logs.get(runId)
    if (!log) return problem(404, 'not_found')
    if (after > log.events.length) return problem(422, 'invalid_offset')
    return this.stream(runId, after)
  }

  private stream(runId: string, after: number): Response {
    const log = this.logs.get(runId)
    if (!log) return problem(404, 'not_found')
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        log.events.slice(after).forEach((chunk, index) => {
          controller.enqueue(encoder.encode(frame(after + index + 1, chunk)))
        })
        if (log.events.at(-1)?.type === 'done') controller.close()
        else log.readers.add(controller)
      },
    })
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'weir-run-id': runId,
        'weir-conversation-id': log.conversationId,
      },
    })
  }

  private page({ query }: Seen): Response {
    const all = this.messages
      .filter((item) => item.conversationId === query['conversationId'])
      .toReversed()
    if (all.length === 0) return problem(404, 'not_found')
    const start = Number(query['cursor'] ?? '0')
    const next = start + this.pageSize
    return json({
      items: all.slice(start, next),
      ...(next < all.length && { nextCursor: String(next) }),
    })
  }
}

export function frame(seq: number, chunk: StreamChunk): string {
  return `event: ${chunk.type}\nid: ${seq}\ndata: ${JSON.stringify(chunk.data)}\n\n`
}

export function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } })
}

export function problem(
  status: number,
  code: string,
  extra: Partial<Problem> & { retryAfter?: number } = {},
): Response {
  const { retryAfter, ...fields } = extra
  const body: Problem = {
    type: 'about:blank',
    title: code,
    status,
    detail: `It was ${code}.`,
    code,
    requestId: 'r-1',
    ...fields,
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    },
  })
}

/** A stored message; a user's, and complete, unless said otherwise. */
export function message(
  fields: Partial<ChatMessage> & { id: string; conversationId: string },
): ChatMessage {
  return {
    role: 'user',
    content: '',
    createdAt: '2026-01-31T12:00:00.000Z',
    status: 'complete',
    ...fields,
  }
}

export function token(answerId: string, text: string): StreamChunk {
  return { type: 'token', data: { id: answerId, text } }
}

export function done(answerId: string): StreamChunk {
  return { type: 'done', data: { id: answerId, finishReason: 'stop' } }
}
