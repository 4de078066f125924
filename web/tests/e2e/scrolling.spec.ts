import type { Page } from '@playwright/test'

import { paragraphs } from './support/chat-page'
import { expect, test } from './support/fixtures'

/** How far a message may move on the screen while nobody scrolls, in pixels. */
const STILL_PX = 2

test('older messages load by scrolling, and what is being read stays where it is', async ({
  api,
  chat,
  page,
}) => {
  const id = await api.conversation('A long conversation')
  await api.messages(
    id,
    Array.from({ length: 300 }, (_, index) => `Message number ${index + 1}.`),
  )
  const gate = new Gate()
  let olderPages = 0
  await page.route('**/api/messages?*cursor=*', async (route) => {
    olderPages += 1
    if (olderPages === 1) await gate.passed
    await route.fallback()
  })
  await chat.open(id)
  await expect(page.getByText('Message number 300.', { exact: true })).toBeInViewport()
  expect(await chat.distanceToEnd()).toBeLessThan(STILL_PX)

  // Scroll until the next page is asked for; it comes only once the place on the screen is known.
  await chat.list.hover()
  const asked = page.waitForRequest(/api\/messages\?.*cursor=/)
  while (olderPages === 0) await page.mouse.wheel(0, -400)
  await asked
  await settled(page)
  const before = await topMessage(page)
  gate.open()
  await expect(chat.list.locator('[data-older]')).not.toHaveAttribute('data-older', 'loading')
  await settled(page)
  const after = await page.locator(`[data-message-id="${before.id}"]`).boundingBox()
  expect(Math.abs((after?.y ?? Number.NaN) - before.y)).toBeLessThanOrEqual(STILL_PX)

  await expect(async () => {
    await page.mouse.wheel(0, -4_000)
    await expect(page.getByText('Message number 1.', { exact: true })).toBeInViewport({
      timeout: 250,
    })
  }).toPass()
  expect(olderPages).toBe(5)
  await chat.jumpButton.click()
  await expect(page.getByText('Message number 300.', { exact: true })).toBeInViewport()
})

test('a growing answer stays in sight, until somebody reads above', async ({
  chat,
  page,
  upstream,
}) => {
  const answer = upstream.next({ text: paragraphs(30) })
  await chat.open()
  await chat.say('A long answer')
  answer.send(900)
  await expect(chat.answerText).toContainText('Part 8')
  await expect.poll(() => chat.distanceToEnd()).toBeLessThan(STILL_PX)
  await expect(chat.jumpButton).toBeHidden()

  await chat.list.hover()
  await page.mouse.wheel(0, -600)
  await expect(chat.jumpButton).toBeVisible()
  await settled(page)
  const paragraph = chat.answers.getByText(/^Part 7:/)
  const before = await paragraph.boundingBox()
  answer.send(900)
  await expect(chat.answerText).toContainText('Part 15')
  await settled(page)
  const after = await paragraph.boundingBox()
  expect(Math.abs((after?.y ?? Number.NaN) - (before?.y ?? 0))).toBeLessThanOrEqual(STILL_PX)
  await expect(chat.jumpButton.getByRole('img', { name: 'New content' })).toBeVisible()

  await chat.jumpButton.click()
  await expect.poll(() => chat.distanceToEnd()).toBeLessThan(STILL_PX)
  await expect(chat.jumpButton).toBeHidden()
  answer.send(900)
  await expect(chat.answerText).toContainText('Part 22')
  await expect.poll(() => chat.distanceToEnd()).toBeLessThan(STILL_PX)
  answer.finish()
  await chat.expectEnding('complete')
  await expect.poll(() => chat.distanceToEnd()).toBeLessThan(STILL_PX)
})

test('whoever sends is brought to the newest message', async ({ api, chat, page, upstream }) => {
  const id = await api.conversation('Long')
  await api.messages(
    id,
    Array.from({ length: 30 }, (_, index) => `Message number ${index + 1}.`),
  )
  await chat.open(id)
  await expect(page.getByText('Message number 30.', { exact: true })).toBeInViewport()
  await chat.list.hover()
  await page.mouse.wheel(0, -1_500)
  await expect(chat.jumpButton).toBeVisible()
  upstream.next({ text: 'Down here.' }).finish()
  await chat.say('Where am I?')
  await expect(chat.answerText).toBeInViewport()
  await expect(chat.jumpButton).toBeHidden()
})

/** Holds whoever waits for it until it is opened. */
class Gate {
  open: () => void = () => undefined
  readonly passed = new Promise<void>((resolve) => {
    this.open = resolve
  })
}

/** The first message that is wholly in view. */
async function topMessage(page: Page): Promise<{ id: string; y: number }> {
  return page.evaluate(() => {
    const top = document.querySelector('[role=log]')?.getBoundingClientRect().top ?? 0
    for (const message of document.querySelectorAll<HTMLElement>('[data-message-id]')) {
      const { y } = message.getBoundingClientRect()
      if (y >= top) return { id: message.dataset['messageId'] ?? '', y }
    }
    throw new Error('no message is in view')
  })
}

/** Waits until the page has drawn what it knows, and scrolling has come to rest. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const list = document.querySelector('[role=log]')
        let before = Number.NaN
        let calm = 0
        const look = () => {
          const now = list?.scrollTop ?? 0
          calm = now === before ? calm + 1 : 0
          before = now
          if (calm > 8) resolve()
          else requestAnimationFrame(look)
        }
        look()
      }),
  )
}
