import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where the MCP server says what it is as a resource (RFC 9728). */
const RESOURCE = '/.well-known/oauth-protected-resource/mcp'

interface Asked {
  readonly method?: string
  readonly id?: number
}

/** An MCP server that lets nobody in without a token, and the page where people allow that or do not. */
export class Desk {
  /** Tokens that were given back. */
  readonly revoked: string[] = []
  readonly #server: Server
  readonly #challenges = new Map<string, string>()
  readonly #tokens = new Set<string>()

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request, response)
    })
  }

  static async start(): Promise<Desk> {
    const desk = new Desk()
    desk.#server.listen(0, '127.0.0.1')
    await once(desk.#server, 'listening')
    return desk
  }

  get origin(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`
  }

  /** The MCP server's address. */
  get url(): string {
    return `${this.origin}/mcp`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin)
    const body = await textOf(request)
    switch (url.pathname) {
      case RESOURCE:
        json(response, 200, { resource: this.url, authorization_servers: [this.origin] })
        return
      case '/.well-known/oauth-authorization-server':
        json(response, 200, {
          issuer: this.origin,
          authorization_endpoint: `${this.origin}/authorize`,
          token_endpoint: `${this.origin}/token`,
          registration_endpoint: `${this.origin}/register`,
          revocation_endpoint: `${this.origin}/revoke`,
          response_types_supported: ['code'],
          code_challenge_methods_supported: ['S256'],
          authorization_response_iss_parameter_supported: true,
        })
        return
      case '/register':
        json(response, 201, { client_id: 'weir', redirect_uris: [] })
        return
      case '/authorize':
        this.#authorize(url, response)
        return
      case '/token':
        this.#token(new URLSearchParams(body), response)
        return
      case '/revoke': {
        const token = new URLSearchParams(body).get('token') ?? ''
        this.#tokens.delete(token)
        this.revoked.push(token)
        response.end()
        return
      }
      default:
        this.#speak(request, body, response)
    }
  }

  /** The page where somebody allows it, or does not. */
  #authorize(url: URL, response: ServerResponse): void {
    const asked = url.searchParams
    const code = randomUUID()
    this.#challenges.set(code, asked.get('code_challenge') ?? '')
    const back = (answer: Readonly<Record<string, string>>) => {
      const to = new URL(asked.get('redirect_uri') ?? '')
      const all = { ...answer, state: asked.get('state') ?? '', iss: this.origin }
      for (const [name, value] of Object.entries(all)) to.searchParams.set(name, value)
      return to.href.replaceAll('&', '&amp;')
    }
    response.setHeader('content-type', 'text/html')
    response.end(
      `<!doctype html><html lang="en"><title>Desk</title><link rel="icon" href="data:,">
       <a href="${back({ code })}">Allow</a> <a href="${back({ error: 'access_denied' })}">Deny</a>`,
    )
  }

  #token(form: URLSearchParams, response: ServerResponse): void {
    const challenge = this.#challenges.get(form.get('code') ?? '')
    const proof = createHash('sha256').update(form.get('code_verifier') ?? '')
    if (challenge === undefined || challenge !== proof.digest('base64url')) {
      json(response, 400, { error: 'invalid_grant' })
      return
    }
    this.#challenges.delete(form.get('code') ?? '')
    const token = randomUUID()
    this.#tokens.add(token)
    json(response, 200, { access_token: token, token_type: 'Bearer', expires_in: 3600 })
  }

  /** The MCP server itself: one tool, for whoever has a token. */
  #speak(request: IncomingMessage, body: string, response: ServerResponse): void {
    if (!this.#tokens.has((request.headers.authorization ?? '').replace('Bearer ', ''))) {
      const challenge = `Bearer resource_metadata="${this.origin}${RESOURCE}"`
      response.writeHead(401, { 'www-authenticate': challenge }).end()
      return
    }
    if (request.method !== 'POST') {
      response.writeHead(405).end()
      return
    }
    const { id, method } = JSON.parse(body) as Asked
    const tool = { name: 'hello', description: 'Says hello.', inputSchema: { type: 'object' } }
    const results: Readonly<Record<string, unknown>> = {
      initialize: {
        protocolVersion: '2025-11-25',
        serverInfo: { name: 'desk', version: '1.0.0' },
        capabilities: { tools: {} },
      },
      'tools/list': { tools: [tool] },
    }
    if (id === undefined) {
      response.writeHead(202).end()
      return
    }
    const result = results[method ?? '']
    const error = { code: -32601, message: 'There is no such method.' }
    json(response, 200, { jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) })
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
