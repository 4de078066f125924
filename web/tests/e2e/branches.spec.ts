import { prose } from './support/chat-page'
import { expect, test } from './support/fixtures'

test('an answer made anew stands beside the first, and both can be read', async ({
  chat,
  upstream,
}) => {
  upstream.next({ text: 'The first version.' }).finish()
  await chat.open()
  await chat.say('Say something')
  await chat.expectEnding('complete')

  const second = upstream.next({ text: prose(30) })
  await chat.page.getByRole('button', { name: 'Regenerate' }).click()
  const sent = second.send(5)
  await expect(chat.answers).toHaveCount(1)
  await expect(chat.answerText).toHaveText(sent.trim())
  second.finish()
  await chat.expectEnding('complete')
  await expect(chat.composer).toBeFocused()

  const versions = chat.page.getByRole('group', { name: 'Versions' })
  await expect(versions).toContainText('2 / 2')
  await versions.getByRole('button', { name: 'Previous version' }).click()
  await expect(chat.answerText).toHaveText('The first version.')
  await expect(versions).toContainText('1 / 2')
  await expect(versions.getByRole('button', { name: 'Previous version' })).toBeDisabled()
  await versions.getByRole('button', { name: 'Next version' }).click()
  await expect(chat.answerText).toHaveText(second.text)
  expect(upstream.questions).toEqual(['Say something', 'Say something'])

  await chat.page.reload()
  await expect(versions).toContainText('2 / 2')
  await expect(chat.answerText).toHaveText(second.text)
})

test('the conversation goes on from the version that is shown', async ({ api, chat, upstream }) => {
  upstream.next({ text: 'Version one.' }).finish()
  await chat.open()
  await chat.say('Question')
  await chat.expectEnding('complete')
  upstream.next({ text: 'Version two.' }).finish()
  await chat.page.getByRole('button', { name: 'Regenerate' }).click()
  await expect(chat.answerText).toHaveText('Version two.')
  await chat.expectEnding('complete')
  await chat.page.getByRole('button', { name: 'Previous version' }).click()
  upstream.next({ text: 'On version one.' }).finish()
  await chat.say('Go on')
  await expect(chat.answers).toHaveText([/Version one/, /On version one/])
  const stored = await api.stored(await chat.conversationId())
  const one = stored.find(({ content }) => content === 'Version one.')
  const goOn = stored.find(({ content }) => content === 'Go on')
  expect(goOn).toMatchObject({ parentId: one?.id })
})
