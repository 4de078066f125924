import type { Page, Response } from '@playwright/test'

import { expect, test } from './support/fixtures'

// A bucket that is soon empty, and fills slowly enough to be watched: a unit a second. An answer costs ten, a change two.
test.use({ settings: { WEIR_RATE_LIMIT: '1', WEIR_RATE_BURST: '60' } })

test.beforeEach(({ problems }) => {
  problems.expect(/status of 429|WebSocket.* response code: 429/)
})

/** Asks for things until the bucket is empty. */
async function drain({ request }: Page): Promise<void> {
  const ask = async () => (await request.get('/api/models')).status()
  await expect.poll(ask, { intervals: [0] }).toBe(429)
}

test('a message over the limit says why and until when, loses no text, and goes out by itself', async ({
  chat,
  page,
  upstream,
}) => {
  upstream.next({ text: 'There you are.' }).finish()
  await chat.open()
  await drain(page)
  await chat.say('Patience is a river')
  await expect(chat.alert).toContainText('Too many requests.')
  const countdown = chat.alert.locator('[data-retry-in]')
  await expect(countdown).toHaveText(/^Trying again in \d+ s$/)
  const secondsLeft = async () => Number(await countdown.getAttribute('data-retry-in'))
  const seconds = await secondsLeft()
  expect(seconds).toBeLessThanOrEqual(10)
  await expect.poll(secondsLeft).toBeLessThan(seconds)
  await expect(chat.questions.last()).toContainText('Patience is a river')

  await expect(chat.answerText).toHaveText('There you are.', { timeout: 25_000 })
  await expect(chat.questions).toHaveCount(1)
  expect(upstream.questions).toEqual(['Patience is a river'])
})

test('a change over the limit says why and until when, is taken back, and is made then', async ({
  api,
  chat,
  page,
}) => {
  await api.exchange('Rivers')
  await chat.open()
  await expect(chat.conversation('Rivers')).toBeVisible()
  await drain(page)
  await chat.act('Rivers', 'Pin')
  const toast = page.getByRole('listitem').filter({ hasText: 'Too many requests.' })
  await expect(toast).toContainText(/Try again in [12] s\./)
  await expect(toast).toContainText('You can try again now.')

  await expect(chat.history.getByText('Pinned')).toBeHidden()

  // What the page asks for by itself takes from the same bucket.
  await expect(async () => {
    const isChange = (response: Response) => response.request().method() === 'PATCH'
    const answered = page.waitForResponse(isChange, { timeout: 3_000 })
    await chat.act('Rivers', 'Pin')
    expect((await answered).status()).toBe(200)
  }).toPass({ timeout: 20_000 })
  await expect(chat.history.getByText('Pinned')).toBeVisible()
  await expect(toast).toHaveCount(0)
})
