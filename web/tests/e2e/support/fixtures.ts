import { type APIRequestContext, type BrowserContext, test as base, expect } from '@playwright/test'

import { ChatPage } from './chat-page'
import { Line } from './line'
import { Problems } from './problems'
import { type Settings, WeirServer } from './server'
import { Upstream } from './upstream'

export { expect }

interface Options {
  /** Settings of the server beside those that every test has. */
  settings: Settings
  /** Whether the server knows the scripted upstream. */
  hasUpstream: boolean
}

interface Fixtures {
  /** The model server behind the server under test. */
  upstream: Upstream
  /** The server under test: a process of its own, with an empty history. */
  server: WeirServer
  /** A way to the server that can be cut. */
  line: Line
  /** What the browser complained about; a test that provokes a complaint says so. */
  problems: Problems
  /** The page of the first tab. */
  chat: ChatPage
  /** Requests to the server's API, beside the browser. */
  api: Api
}

export const test = base.extend<Options & Fixtures>({
  settings: [{}, { option: true }],
  hasUpstream: [true, { option: true }],

  // Playwright reads from the pattern which fixtures are needed: none.
  upstream: async ({}, provide) => {
    const upstream = await Upstream.start()
    await provide(upstream)
    await upstream.stop()
  },

  server: async ({ hasUpstream, settings, upstream }, provide, testInfo) => {
    const server = await WeirServer.start({
      WEIR_LOCAL_MODEL: 'off',
      ...(hasUpstream && { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-test' }),
      ...settings,
    })
    await provide(server)
    if (testInfo.status !== testInfo.expectedStatus && server.log !== '') {
      await testInfo.attach('server log', { body: server.log, contentType: 'text/plain' })
    }
    await server.stop()
  },

  baseURL: async ({ server }, provide) => {
    await provide(server.url)
  },

  line: async ({ server }, provide) => {
    const line = await Line.to(server.url)
    await provide(line)
    await line.close()
  },

  problems: [
    async ({ context }, provide) => {
      const problems = await Problems.watch(context)
      await provide(problems)
      problems.check()
    },
    { auto: true },
  ],

  chat: async ({ page }, provide) => {
    await provide(new ChatPage(page))
  },

  api: async ({ request }, provide) => {
    await provide(new Api(request))
  },
})

/** Another tab of the same browser. */
export async function anotherTab(context: BrowserContext): Promise<ChatPage> {
  return new ChatPage(await context.newPage())
}

/** A stored message, as far as the tests look at it. */
export interface StoredMessage {
  readonly id: string
  readonly parentId?: string
  readonly role: string
  readonly content: string
  readonly status: string
}

/** The server's REST interface, for what a test needs to be there and for what it wants to know. */
export class Api {
  readonly #request: APIRequestContext

  constructor(request: APIRequestContext) {
    this.#request = request
  }

  /** Makes a conversation with a title; returns its id. */
  async conversation(title: string): Promise<string> {
    const response = await this.#request.post('/api/conversations', { data: { title } })
    expect(response.status()).toBe(201)
    return ((await response.json()) as { id: string }).id
  }

  /** Sets whether a tool may run. */
  async permit(tool: string, permission: 'allow' | 'ask' | 'deny'): Promise<void> {
    const response = await this.#request.put(`/api/tools/${tool}/permission`, {
      data: { permission },
    })
    expect(response.status()).toBe(200)
  }

  /** Adds an MCP server, and waits until it has the tool. */
  async serve(name: string, transport: object, tool: string): Promise<void> {
    const response = await this.#request.post('/api/mcp-servers', { data: { name, transport } })
    expect(response.status()).toBe(201)
    await expect
      .poll(async () => (await this.#request.get('/api/tools')).text(), { timeout: 15_000 })
      .toContain(`"${tool}"`)
  }

  /** Gives a conversation another title. */
  async rename(id: string, title: string): Promise<void> {
    const response = await this.#request.patch(`/api/conversations/${id}`, { data: { title } })
    expect(response.status()).toBe(200)
  }

  /** Stores messages one after another, each the answer to the one before; returns their ids. */
  async messages(conversationId: string, contents: readonly string[]): Promise<string[]> {
    const ids: string[] = []
    for (const [index, content] of contents.entries()) {
      const parentId = ids.at(-1)
      const response = await this.#request.post('/api/messages', {
        data: {
          conversationId,
          role: index % 2 === 0 ? 'user' : 'assistant',
          content,
          ...(parentId !== undefined && { parentId }),
        },
      })
      expect(response.status()).toBe(201)
      ids.push(((await response.json()) as { id: string }).id)
    }
    return ids
  }

  /** A conversation with one exchange in it; returns its id. */
  async exchange(title: string, answer = `An answer about ${title}.`): Promise<string> {
    const id = await this.conversation(title)
    await this.messages(id, [`Tell me about ${title}.`, answer])
    return id
  }

  /** The messages that are stored, oldest first. */
  async stored(conversationId: string): Promise<StoredMessage[]> {
    const response = await this.#request.get('/api/messages', {
      params: { conversationId, limit: 200 },
    })
    expect(response.status()).toBe(200)
    return ((await response.json()) as { items: StoredMessage[] }).items.reverse()
  }

  /** The conversations that are stored. */
  async conversations(): Promise<{ id: string; title: string; pinned: boolean }[]> {
    const response = await this.#request.get('/api/conversations')
    expect(response.status()).toBe(200)
    const page = (await response.json()) as {
      items: { id: string; title: string; pinned: boolean }[]
    }
    return page.items
  }
}
