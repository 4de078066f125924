import type { BrowserContext } from '@playwright/test'

import { ChatPage, prose } from './support/chat-page'
import { expect, test as base } from './support/fixtures'
import { NETWORK_LOSS, Problems } from './support/problems'

/** The same person's other device: a browser of its own, over a line that can be cut. */
const test = base.extend<{
  phone: ChatPage
  phoneContext: BrowserContext
  phoneProblems: Problems
}>({
  phoneContext: async ({ browser, line }, provide) => {
    const context = await browser.newContext({ baseURL: line.url })
    await provide(context)
    await context.close()
  },
  phoneProblems: async ({ phoneContext }, provide) => {
    const problems = await Problems.watch(phoneContext)
    await provide(problems)
    problems.check()
  },
  phone: async ({ phoneContext, phoneProblems }, provide) => {
    phoneProblems.expect(NETWORK_LOSS)
    await provide(new ChatPage(await phoneContext.newPage()))
  },
})

test('two devices show the same conversations, whichever of them changes one', async ({
  chat,
  phone,
  upstream,
}) => {
  await chat.open()
  await phone.open()
  await Promise.all([chat.expectNews(), phone.expectNews()])

  const answer = upstream.next({ text: prose(20) })
  await chat.say('Tell me about rivers')
  await expect(phone.conversation('Tell me about rivers')).toBeVisible()
  const running = phone.history.getByRole('img', { name: 'Answer in progress' })
  await expect(running).toBeVisible()
  answer.finish()
  await chat.expectEnding('complete')
  await expect(running).toBeHidden()

  await phone.act('Tell me about rivers', 'Rename')
  await phone.page.keyboard.type('Rivers')
  await phone.page.keyboard.press('Enter')
  await expect(chat.conversation('Rivers')).toBeVisible()
  await expect(chat.page).toHaveTitle('Rivers · Weir')
  await chat.act('Rivers', 'Pin')
  await expect(phone.history.getByRole('region', { name: 'Pinned' })).toContainText('Rivers')
})

test('an answer that is asked for on one device grows on the other', async ({
  chat,
  phone,
  upstream,
}) => {
  upstream.next({ text: 'The first answer.' }).finish()
  await chat.open()
  await chat.say('First question')
  await chat.expectEnding('complete')
  await phone.open(await chat.conversationId())
  await expect(phone.answerText).toHaveText('The first answer.')
  await phone.expectNews()

  const answer = upstream.next({ text: prose(30) })
  await chat.say('Second question')
  const sent = answer.send(10)
  await expect(phone.questions.last()).toContainText('Second question')
  await expect(phone.answerText).toHaveText(sent.trim())
  await phone.stopButton.click()
  await answer.whenClosedEarly()
  for (const device of [chat, phone]) {
    await device.expectEnding('cancelled')
    await expect(device.answerText).toHaveText(sent.trim())
    await expect(device.answers).toHaveCount(2)
  }
})

test('a conversation that is deleted elsewhere says so, and what was being written is kept', async ({
  api,
  chat,
  phone,
  phoneProblems,
}) => {
  // The page of a conversation that is gone asks for it.
  phoneProblems.expect(/status of 404 .*\/api\/messages/)
  const id = await api.exchange('Rivers')
  await chat.open()
  await phone.open(id)
  await phone.expectNews()
  await phone.composer.fill('Half a thought')
  await chat.act('Rivers', 'Delete')
  await chat.page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect(chat.conversation('Rivers')).toBeHidden()
  // The page that goes away deletes at once.
  await chat.page.goto('about:blank')

  await expect(phone.page.getByText(/^The conversation was deleted in another tab/)).toBeVisible()
  await expect(phone.page).toHaveURL(/\/chat$/)
  await expect(phone.conversation('Rivers')).toBeHidden()
  await expect(phone.composer).toHaveValue('Half a thought')
  await phone.page.goBack()
  await expect(phone.alert).toContainText('This conversation does not exist')
})

test('a device that was cut off has everything when it is back, without a reload', async ({
  api,
  line,
  phone,
}) => {
  const rivers = await api.exchange('Rivers')
  await phone.open()
  await phone.expectNews()
  await expect(phone.conversation('Rivers')).toBeVisible()
  line.cut()
  await api.exchange('Lakes')
  await api.rename(rivers, 'Streams')
  await expect(phone.page.locator('[data-news]')).not.toHaveAttribute('data-news', 'live')
  line.mend()
  await expect(phone.conversation('Lakes')).toBeVisible()
  await expect(phone.conversation('Streams')).toBeVisible()
  await expect(phone.conversation('Rivers')).toBeHidden()
})

test('a server that was restarted is told of in time, and news come again', async ({
  api,
  chat,
  page,
  problems,
  server,
}) => {
  problems.expect(NETWORK_LOSS)
  await chat.open()
  await chat.expectNews()
  await server.kill()
  await expect(page.getByText('The server does not answer.')).toBeVisible({ timeout: 25_000 })
  await server.start()
  await expect(page.getByText('The server does not answer.')).toBeHidden({ timeout: 25_000 })
  await chat.expectNews()
  await api.exchange('After the restart')
  await expect(chat.conversation('After the restart')).toBeVisible()
})
