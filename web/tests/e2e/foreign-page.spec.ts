import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Page } from '@playwright/test'

import { expect, test } from './support/fixtures'
import { setUp } from './support/people'
import type { WeirServer } from './support/server'

/** The browser writes on its console what the server refused. */
const COMPLAINT =
  /favicon|status of 403|CORS policy|ERR_BLOCKED_BY_RESPONSE|ERR_FAILED|WebSocket connection|MIME type/

/** What a page of another program on this machine can do to the server: nothing. */
async function attack(page: Page, server: WeirServer): Promise<Record<string, string>> {
  return page.evaluate(async (weir) => {
    const sent = async (path: string, init: RequestInit): Promise<string> => {
      try {
        const response = await fetch(weir + path, init)
        return `answered ${response.type} ${response.status}`
      } catch {
        return 'refused'
      }
    }
    const socket = () =>
      new Promise<string>((resolve) => {
        const opened = new WebSocket(`${weir.replace('http', 'ws')}/api/ws`, 'weir.v1')
        opened.onopen = () => {
          resolve('opened')
        }
        opened.onmessage = () => {
          resolve('opened')
        }
        opened.onerror = () => {
          resolve('refused')
        }
      })
    const embedded = (element: HTMLScriptElement | HTMLImageElement) =>
      new Promise<string>((resolve) => {
        element.onload = () => {
          resolve('loaded')
        }
        element.onerror = () => {
          resolve('refused')
        }
        element.src = `${weir}/api/conversations`
        document.body.append(element)
      })
    const text = { method: 'POST', body: '{"title":"Foreign"}' }
    const json = { headers: { 'content-type': 'application/json' }, ...text }
    return {
      socket: await socket(),
      read: await sent('/api/conversations', { credentials: 'include' }),
      opaque: await sent('/api/conversations', { credentials: 'include', mode: 'no-cors' }),
      change: await sent('/api/conversations', { credentials: 'include', ...json }),
      simple: await sent('/api/conversations', {
        credentials: 'include',
        mode: 'no-cors',
        ...text,
      }),
      tools: await sent('/mcp', { credentials: 'include', mode: 'no-cors', ...text }),
      script: await embedded(document.createElement('script')),
      image: await embedded(new Image()),
    }
  }, server.url)
}

const REFUSED_ALL = {
  socket: 'refused',
  read: 'refused',
  opaque: 'refused',
  change: 'refused',
  simple: 'refused',
  tools: 'refused',
  script: 'refused',
  image: 'refused',
}

for (const auth of ['open', 'required']) {
  test.describe(`a server with WEIR_AUTH=${auth}`, () => {
    // The server's own pages here are plain answers, whose policy forbids scripts to fetch.
    test.use({ bypassCSP: true, settings: { WEIR_AUTH: auth } })

    test('a page on another port of this machine reads and changes nothing', async ({
      page,
      problems,
      server,
    }) => {
      problems.expect(COMPLAINT)
      if (auth === 'required') await setUp(server, page)
      const conversations = async () => {
        const answer = await page.request.get('/api/conversations')
        return ((await answer.json()) as { items: unknown[] }).items
      }
      expect(await conversations()).toEqual([])

      const foreign = createServer((_, response) => {
        response.setHeader('content-type', 'text/html').end('<!doctype html><title>Foreign</title>')
      })
      await once(foreign.listen(0, '127.0.0.1'), 'listening')
      const { port } = foreign.address() as AddressInfo
      for (const host of ['127.0.0.1', 'localhost']) {
        await page.goto(`http://${host}:${port}/`)
        expect(await attack(page, server), host).toEqual(REFUSED_ALL)
      }
      foreign.close()
      expect(await conversations()).toEqual([])

      // The same page as an own one is answered: it was the origin that was refused.
      await page.goto(`${server.url}/healthz`)
      const own = await page.evaluate(async () => (await fetch('/api/conversations')).status)
      expect(own).toBe(200)
    })
  })
}
