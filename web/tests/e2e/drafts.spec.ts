import { anotherTab, expect, test } from './support/fixtures'
import { NETWORK_LOSS } from './support/problems'

test('a message that could not be sent and the draft after it survive a reload', async ({
  chat,
  page,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  await chat.open()
  await page.route('**/api/realtime', (route) => route.abort('internetdisconnected'))
  await chat.say('Sent without a network')
  await expect(chat.questions).toContainText('Sent without a network')
  await chat.composer.fill('The next thought')
  await page.unroute('**/api/realtime')
  await page.reload()
  await expect(chat.composer).toHaveValue('Sent without a network\nThe next thought')

  upstream.next({ text: 'Both arrived.' }).finish()
  await chat.composer.press('Enter')
  await chat.expectEnding('complete')
  await page.reload()
  await expect(chat.answerText).toHaveText('Both arrived.')
  await expect(chat.composer).toHaveValue('')
})

test('new chats in two tabs have drafts of their own', async ({ chat, context, upstream }) => {
  await chat.open()
  await chat.composer.fill('Of the first tab')
  const second = await anotherTab(context)
  await second.open()
  await expect(second.composer).toHaveValue('')
  upstream.next({ text: 'For the second tab.' }).finish()
  await second.say('Of the second tab')
  await second.expectEnding('complete')
  await chat.page.reload()
  await expect(chat.composer).toHaveValue('Of the first tab')
})

test('a tab that is closed leaves its draft to the next one', async ({ chat, context }) => {
  await chat.open()
  await chat.composer.fill('Half a thought')
  const second = await anotherTab(context)
  await second.open()
  await expect(second.composer).toHaveValue('')
  await chat.page.close({ runBeforeUnload: true })
  const third = await anotherTab(context)
  await third.open()
  await expect(third.composer).toHaveValue('Half a thought')
})
