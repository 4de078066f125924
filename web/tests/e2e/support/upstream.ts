import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the upstream is to answer the next question with. */
export interface Script {
  readonly text: string
  /** The tools that are called behind the text: names, and arguments as JSON. */
  readonly calls?: readonly { readonly name: string; readonly args: unknown }[]
  /** Tokens a second; without it, only what {@link Answer.send} asks for is sent. */
  readonly rate?: number
}

/** A refusal instead of an answer. */
export interface Refusal {
  readonly status: number
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

interface ChatBody {
  readonly messages: readonly { readonly role: string; readonly content: string }[]
}

/** Milliseconds between two writes of a paced answer. */
const TICK_MS = 10

/** Pieces of about the size of a model's tokens; joined, they are the text. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*\S{1,6}|\s+$/g) ?? []
}

/** One scripted answer, held by the test. A request that carries its beginning goes on with the rest. */
export class Answer {
  readonly text: string
  readonly #calls: NonNullable<Script['calls']>
  readonly #tokens: string[]
  #rate: number
  #sent = 0
  #allowed = 0
  #budget = 0
  #response: ServerResponse | undefined
  #timer: NodeJS.Timeout | undefined
  #asked = 0
  #closedEarly = 0
  #waiters: { done: () => boolean; resolve: () => void }[] = []

  constructor({ calls, text, rate }: Script) {
    this.text = text
    this.#calls = calls ?? []
    this.#tokens = tokensOf(text)
    this.#rate = rate ?? 0
  }

  /** How often it was asked for: once, and once more for each time it was taken up again. */
  get asked(): number {
    return this.#asked
  }

  /** The text that has gone out so far. */
  get sent(): string {
    return this.#tokens.slice(0, this.#sent).join('')
  }

  /** How often the client has left before the end. */
  get closedEarly(): number {
    return this.#closedEarly
  }

  /** Lets `count` more tokens go out at once; returns the text that the client has then. */
  send(count: number): string {
    this.#allowed = Math.min(this.#tokens.length, Math.max(this.#allowed, this.#sent) + count)
    this.#flush()
    return this.#tokens.slice(0, this.#allowed).join('')
  }

  /** Lets the rest go out at once, and ends. */
  finish(): void {
    this.send(this.#tokens.length)
  }

  /** Holds a paced answer still. */
  pause(): void {
    this.#rate = 0
  }

  /** Goes on at this many tokens a second. */
  resume(rate: number): void {
    this.#rate = rate
    this.#pace()
  }

  /** Breaks the connection without an end. */
  breakOff(): void {
    this.#response?.destroy()
  }

  /** Resolves once the server has asked for it the given number of times. */
  whenAsked(times = 1): Promise<void> {
    return this.#when(() => this.#asked >= times)
  }

  /** Resolves once the client has left before the end. */
  whenClosedEarly(): Promise<void> {
    return this.#when(() => this.#closedEarly > 0)
  }

  /** Whether this answer begins with what a client already has. */
  goesOnFrom(partial: string): boolean {
    return partial !== '' && this.text.startsWith(partial.trimEnd())
  }

  /** Serves a request, from behind `partial` on. */
  serve(response: ServerResponse, partial: string): void {
    this.#stop()
    this.#asked += 1
    this.#response = response
    this.#sent = this.#tokenBehind(partial.trimEnd(), response)
    response.on('close', () => {
      if (this.#response !== response) return
      if (!response.writableEnded) this.#closedEarly += 1
      this.#stop()
      this.#settle()
    })
    this.#flush()
    this.#pace()
    this.#settle()
  }

  /** The number of the first token that is not in `partial` as a whole; what of it is left is sent at once. */
  #tokenBehind(partial: string, response: ServerResponse): number {
    let end = 0
    for (const [index, token] of this.#tokens.entries()) {
      if (end === partial.length) return index
      end += token.length
      if (end > partial.length) {
        response.write(chunkOf(this.text.slice(partial.length, end)))
        return index + 1
      }
    }
    return this.#tokens.length
  }

  #pace(): void {
    clearInterval(this.#timer)
    if (this.#rate === 0 || this.#response === undefined) return
    let before = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.#budget += ((now - before) * this.#rate) / 1000
      before = now
      const count = Math.floor(this.#budget)
      this.#budget -= count
      if (count > 0) this.send(count)
    }, TICK_MS)
  }

  #flush(): void {
    const response = this.#response
    if (response === undefined || response.writableEnded) return
    const batch = this.#tokens.slice(this.#sent, this.#allowed)
    this.#sent = Math.max(this.#sent, this.#allowed)
    response.write(batch.map(chunkOf).join(''))
    if (this.#sent < this.#tokens.length) return
    for (const [index, call] of this.#calls.entries()) response.write(callChunkOf(call, index))
    const reason = this.#calls.length > 0 ? 'tool_calls' : 'stop'
    response.end(
      event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }) +
        event({
          choices: [],
          usage: { prompt_tokens: 12, completion_tokens: this.#tokens.length },
        }) +
        'data: [DONE]\n\n',
    )
    this.#stop()
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#response = undefined
  }

  #when(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ done, resolve })
      this.#settle()
    })
  }

  #settle(): void {
    this.#waiters = this.#waiters.filter(({ done, resolve }) => {
      if (!done()) return true
      resolve()
      return false
    })
  }
}

function chunkOf(text: string): string {
  return event({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] })
}

function callChunkOf({ args, name }: NonNullable<Script['calls']>[number], index: number): string {
  const call = {
    index,
    id: `call-${index}`,
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }
  return event({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] })
}

function event(fields: Record<string, unknown>): string {
  const chunk = { id: 'scripted', object: 'chat.completion.chunk', model: 'scripted', ...fields }
  return `data: ${JSON.stringify(chunk)}\n\n`
}

/** An OpenAI-compatible server whose every answer is said before by the test. */
export class Upstream {
  readonly #queue: (Answer | Refusal)[] = []
  readonly #answers: Answer[] = []
  readonly #server: Server
  /** The last message of each question, in the order they came. */
  readonly questions: string[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<Upstream> {
    const server = createServer()
    const upstream = new Upstream(server)
    server.on('request', (request, response) => {
      upstream.#handle(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : undefined)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return upstream
  }

  /** What `OPENAI_BASE_URL` is to be. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/v1`
  }

  /** The answer to the next question that has none yet. */
  next(script: Script): Answer {
    const answer = new Answer(script)
    this.#queue.push(answer)
    this.#answers.push(answer)
    return answer
  }

  /** Refuses the next question. */
  refuse(refusal: Refusal): void {
    this.#queue.push(refusal)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/v1/models') {
      json(response, 200, { object: 'list', data: [{ id: 'scripted', object: 'model' }] })
      return
    }
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
      json(response, 404, { error: { message: 'No such endpoint' } })
      return
    }
    const { messages } = JSON.parse(await textOf(request)) as ChatBody
    const last = messages.at(-1)
    this.questions.push(last?.content ?? '')
    const partial = last?.role === 'assistant' ? last.content : ''
    const answer =
      this.#answers.findLast((known) => known.goesOnFrom(partial)) ?? this.#queue.shift()
    if (answer === undefined) {
      json(response, 418, { error: { message: 'The test has scripted no answer for this' } })
      return
    }
    if (!(answer instanceof Answer)) {
      json(response, answer.status, { error: { message: answer.message } }, answer.headers)
      return
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
    })
    response.flushHeaders()
    answer.serve(response, partial)
  }
}

function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
