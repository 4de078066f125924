import { prose } from './support/chat-page'
import { expect, test } from './support/fixtures'

/** How soon the model's server must be rid of a stopped answer, in milliseconds. */
const PROMISED_MS = 1_000

for (const [way, act] of [
  ['the button', 'click'],
  ['Escape', 'key'],
] as const) {
  test(`${way} stops the answer up to the model's server, and keeps what is there`, async ({
    api,
    chat,
    upstream,
  }) => {
    const answer = upstream.next({ text: prose(100) })
    await chat.open()
    await chat.say('Stop me')
    const sent = answer.send(20)
    await expect(chat.answerText).toHaveText(sent.trim())

    const closed = answer.whenClosedEarly().then(() => performance.now())
    const asked = chat.page.waitForRequest((request) => request.method() === 'DELETE')
    const stop = act === 'click' ? chat.stopButton.click() : chat.page.keyboard.press('Escape')
    await asked
    const from = performance.now()
    await stop
    expect((await closed) - from).toBeLessThan(PROMISED_MS)

    await chat.expectEnding('cancelled')
    await expect(chat.answers.last()).toContainText('You stopped this answer.')
    await expect(chat.answerText).toHaveText(sent.trim())
    await expect(chat.composer).toBeFocused()
    const [, stored] = await api.stored(await chat.conversationId())
    expect(stored).toMatchObject({ content: sent, status: 'cancelled' })

    upstream.next({ text: 'Here again.' }).finish()
    await chat.say('And now?')
    await expect(chat.answerText).toHaveText('Here again.')
  })
}

test('an answer can be stopped before its first word', async ({ chat, upstream }) => {
  const answer = upstream.next({ text: prose(100) })
  await chat.open()
  await chat.say('Never mind')
  await answer.whenAsked()
  await chat.stopButton.click()
  await answer.whenClosedEarly()
  await chat.expectEnding('cancelled')
})
