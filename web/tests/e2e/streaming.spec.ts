import { prose } from './support/chat-page'
import { expect, test } from './support/fixtures'

test('tokens are seen as they arrive, one after another', async ({ api, chat, upstream }) => {
  const answer = upstream.next({ text: prose(40) })
  await chat.open()
  await chat.say('Count for me')

  await expect(chat.questions.last()).toContainText('Count for me')
  await answer.whenAsked()
  await expect(chat.page.getByText('Reading…')).toBeVisible()
  await expect(chat.stopButton).toBeEnabled()

  for (const count of [1, 3, 6]) {
    const sent = answer.send(count)
    await expect(chat.answerText).toHaveText(sent.trim())
    await expect(chat.answers.last()).toHaveAttribute('data-status', 'streaming')
  }

  answer.finish()
  await chat.expectEnding('complete')
  await expect(chat.answerText).toHaveText(answer.text)
  await expect(chat.answers.last()).toContainText(/scripted · \d+ tokens/)
  expect(await api.stored(await chat.conversationId())).toMatchObject([
    { role: 'user', content: 'Count for me' },
    { role: 'assistant', content: answer.text, status: 'complete' },
  ])
})

test('a paced answer grows in many steps, and each is the beginning of the whole', async ({
  chat,
  upstream,
}) => {
  const answer = upstream.next({ text: prose(60), rate: 40 })
  await chat.open()
  const growth = await chat.watchGrowth()
  await chat.say('Count slowly')
  await chat.expectEnding('complete')

  const seen = await growth()
  expect(seen.length).toBeGreaterThan(6)
  for (const text of seen) expect(answer.text.startsWith(text.trimEnd())).toBe(true)
  expect(seen.at(-1)).toBe(answer.text)
})

test('the conversation goes on: the model is told what was said before', async ({
  chat,
  upstream,
}) => {
  upstream.next({ text: 'Blue.' }).finish()
  upstream.next({ text: 'I said blue.' }).finish()
  await chat.open()
  await chat.say('Name a colour')
  await chat.expectEnding('complete')
  await expect(chat.composer).toBeFocused()
  await chat.say('What did you say?')
  await expect(chat.answers).toHaveCount(2)
  await expect(chat.answerText).toHaveText('I said blue.')
  await expect(chat.page.getByRole('heading', { level: 1 })).toHaveText('Name a colour')
  await expect(chat.conversation('Name a colour')).toHaveAttribute('aria-current', 'page')
  await expect(chat.page).toHaveTitle('Name a colour · Weir')
})

test('what is written during an answer waits in the composer', async ({ chat, upstream }) => {
  const answer = upstream.next({ text: prose(20) })
  await chat.open()
  await chat.say('First')
  await answer.whenAsked()
  await chat.composer.fill('Second')
  await chat.composer.press('Enter')
  await expect(chat.composer).toHaveValue('Second')
  upstream.next({ text: 'The second answer.' }).finish()
  answer.finish()
  await chat.expectEnding('complete')
  await chat.composer.press('Enter')
  await expect(chat.composer).toHaveValue('')
  await expect(chat.answerText).toHaveText('The second answer.')
})

test('Shift+Enter makes a new line, Ctrl+Enter sends', async ({ chat, upstream }) => {
  upstream.next({ text: 'Two lines.' }).finish()
  await chat.open()
  await chat.composer.pressSequentially('one')
  await chat.composer.press('Shift+Enter')
  await chat.composer.pressSequentially('two')
  await expect(chat.composer).toHaveValue('one\ntwo')
  await chat.composer.press('Control+Enter')
  await expect(chat.answerText).toHaveText('Two lines.')
  expect(upstream.questions).toEqual(['one\ntwo'])
})
