import type { Page, Response } from '@playwright/test'

import { Cluster } from './support/cluster'
import { ChatPage, prose } from './support/chat-page'
import { anotherTab, test as base, expect } from './support/fixtures'
import { NETWORK_LOSS, Problems } from './support/problems'
import type { WeirServer } from './support/server'
import { services } from './support/services'

/** Both servers, and nginx, and their database are each test's own. */
const test = base.extend<{ cluster: Cluster }>({
  cluster: async ({ upstream }, provide, testInfo) => {
    const available = services()
    if (!available) throw new Error('`cargo xtask services` starts the servers for these tests')
    const cluster = await Cluster.start(available, {
      WEIR_LOCAL_MODEL: 'off',
      OPENAI_BASE_URL: upstream.url,
      OPENAI_API_KEY: 'sk-test',
    })
    await provide(cluster)
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('server logs', { body: cluster.log, contentType: 'text/plain' })
    }
    await cluster.stop()
  },

  baseURL: async ({ cluster }, provide) => {
    await provide(cluster.url)
  },
})

/** The next response of this page that is an answer's stream. */
function nextStream(page: Page): Promise<Response> {
  return page.waitForResponse((response) => response.url().includes('/api/realtime'))
}

/** Reloads until the answer's stream comes from this server. */
async function reloadOnto(server: WeirServer, page: Page, cluster: Cluster): Promise<void> {
  for (let tries = 0; tries < 30; tries += 1) {
    const stream = nextStream(page)
    await page.reload()
    if (cluster.servedBy(await stream) === server) return
    // The page asks the same each time, perhaps an even number of requests: this one moves the turn.
    if (Math.random() < 0.5) await page.request.get('/healthz')
  }
  throw new Error('thirty reloads never reached the other server')
}

test('a reload in mid-answer goes on at the other server', async ({
  api,
  chat,
  cluster,
  upstream,
}) => {
  const answer = upstream.next({ text: prose(120) })
  await chat.open()
  const stream = nextStream(chat.page)
  await chat.say('Tell me a lot')
  const owner = cluster.servedBy(await stream)
  const before = answer.send(30)
  await expect(chat.answerText).toHaveText(before.trim())

  await reloadOnto(cluster.other(owner), chat.page, cluster)
  await expect(chat.answerText).toHaveText(before.trim())
  const after = answer.send(30)
  await expect(chat.answerText).toHaveText(after.trim())

  answer.finish()
  await chat.expectEnding('complete')
  await expect(chat.answerText).toHaveText(answer.text)
  expect(answer.asked).toBe(1)
  const stored = await api.stored(await chat.conversationId())
  expect(stored.map(({ content }) => content)).toEqual(['Tell me a lot', answer.text])
})

test('an answer can be stopped at the other server', async ({
  chat,
  cluster,
  context,
  upstream,
}) => {
  const answer = upstream.next({ text: prose(100) })
  await chat.open()
  const stream = nextStream(chat.page)
  await chat.say('To be stopped elsewhere')
  const owner = cluster.servedBy(await stream)
  const sent = answer.send(20)
  await expect(chat.answerText).toHaveText(sent.trim())

  const elsewhere = await anotherTab(context)
  await elsewhere.page.goto(`${cluster.other(owner).url}/chat?c=${await chat.conversationId()}`)
  await expect(elsewhere.answerText).toHaveText(sent.trim())
  await elsewhere.stopButton.click()
  await answer.whenClosedEarly()
  for (const tab of [chat, elsewhere]) {
    await tab.expectEnding('cancelled')
    await expect(tab.answerText).toHaveText(sent.trim())
  }
})

test('an answer goes on at the other server when its own is killed', async ({
  api,
  chat,
  cluster,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  const answer = upstream.next({ text: prose(120) })
  await chat.open()
  const stream = nextStream(chat.page)
  await chat.say('Survive this')
  const owner = cluster.servedBy(await stream)
  const before = answer.send(40)
  await expect(chat.answerText).toHaveText(before.trim())

  await owner.kill()
  await answer.whenAsked(2)
  const more = answer.send(20)
  await expect(chat.answerText).toHaveText(more.trim())
  answer.finish()
  await chat.expectEnding('complete')
  await expect(chat.answerText).toHaveText(answer.text)
  await expect(chat.answers).toHaveCount(1)
  const stored = await api.stored(await chat.conversationId())
  expect(stored.map(({ content }) => content)).toEqual(['Survive this', answer.text])
})

test('a rolling restart disturbs no answer', async ({
  api,
  chat,
  cluster,
  context,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  const answer = upstream.next({ text: prose(400), rate: 40 })
  await chat.open()
  await chat.say('While you restart')
  await expect(chat.answerText).toContainText('word10 ')
  const second = await anotherTab(context)
  await second.open(await chat.conversationId())
  await expect(second.answerText).toContainText('word10 ')

  for (const server of cluster.servers) {
    const before = answer.sent
    server.terminate()
    await server.whenEnded()
    await server.start()
    // The answer has grown on the screen since: it goes on wherever it is now.
    await expect(chat.answerText).not.toHaveText(before.trim())
    await expect
      .poll(async () => (await chat.answerText.textContent())?.length)
      .toBeGreaterThan(before.length)
  }
  expect(answer.sent).not.toBe(answer.text)
  answer.finish()
  for (const tab of [chat, second]) {
    await tab.expectEnding('complete')
    await expect(tab.answerText).toHaveText(answer.text)
    await expect(tab.answers).toHaveCount(1)
  }
  const stored = await api.stored(await chat.conversationId())
  expect(stored.map(({ content }) => content)).toEqual(['While you restart', answer.text])
})

test('a new question during a rolling restart is answered', async ({
  api,
  chat,
  cluster,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  await chat.open()
  for (const [index, server] of cluster.servers.entries()) {
    upstream.next({ text: `The answer to ${index}.` }).finish()
    server.terminate()
    await server.whenEnded()
    await chat.say(`Question ${index}`)
    await expect(chat.answerText).toHaveText(`The answer to ${index}.`)
    await chat.expectEnding('complete')
    await server.start()
  }
  const stored = await api.stored(await chat.conversationId())
  expect(stored.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
})

test('two devices at different servers show the same, also after one was away', async ({
  api,
  browser,
  chat,
  cluster,
  problems,
  upstream,
}) => {
  const [desk, phoneServer] = cluster.servers
  const context = await browser.newContext({ baseURL: phoneServer.url })
  const phoneProblems = await Problems.watch(context)
  phoneProblems.expect(NETWORK_LOSS)
  problems.expect(NETWORK_LOSS)
  const phone = new ChatPage(await context.newPage())
  await phone.open()
  await chat.page.goto(`${desk.url}/chat`)
  await Promise.all([chat.expectNews(), phone.expectNews()])

  const answer = upstream.next({ text: prose(40) })
  await chat.say('Tell me about rivers')
  const sent = answer.send(10)
  await expect(chat.answerText).toHaveText(sent.trim())
  await phone.conversation('Tell me about rivers').click()
  await expect(phone.answerText).toHaveText(sent.trim())
  answer.finish()
  await phone.expectEnding('complete')
  await expect(phone.answerText).toHaveText(answer.text)

  phoneServer.terminate()
  await phoneServer.whenEnded()
  await api.rename(await chat.conversationId(), 'Rivers')
  await expect(chat.conversation('Rivers')).toBeVisible()
  await phoneServer.start()
  await expect(phone.conversation('Rivers')).toBeVisible({ timeout: 25_000 })
  await context.close()
  phoneProblems.check()
})
