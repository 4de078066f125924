import { prose } from './support/chat-page'
import { anotherTab, expect, test } from './support/fixtures'
import { NETWORK_LOSS } from './support/problems'

test('a reload in mid-answer goes on where it was', async ({ api, chat, upstream }) => {
  const answer = upstream.next({ text: prose(120) })
  await chat.open()
  await chat.say('Tell me a lot')
  const before = answer.send(30)
  await expect(chat.answerText).toHaveText(before.trim())

  await chat.page.reload()
  await expect(chat.answers).toHaveCount(1)
  await expect(chat.answerText).toHaveText(before.trim())
  await expect(chat.stopButton).toBeVisible()
  const after = answer.send(30)
  await expect(chat.answerText).toHaveText(after.trim())

  answer.finish()
  await chat.expectEnding('complete')
  await expect(chat.answerText).toHaveText(answer.text)
  expect(answer.asked).toBe(1)
  expect(answer.closedEarly).toBe(0)
  const stored = await api.stored(await chat.conversationId())
  expect(stored.map(({ content }) => content)).toEqual(['Tell me a lot', answer.text])
})

test('an answer goes on while no page is open', async ({ chat, upstream }) => {
  const answer = upstream.next({ text: prose(80) })
  await chat.open()
  await chat.say('Go on without me')
  answer.send(10)
  const conversation = await chat.conversationId()
  await chat.page.goto('about:blank')
  answer.finish()
  await chat.open(conversation)
  await chat.expectEnding('complete')
  await expect(chat.answerText).toHaveText(answer.text)
})

test('a second tab follows live, and both agree', async ({ chat, context, upstream }) => {
  const answer = upstream.next({ text: prose(100) })
  await chat.open()
  await chat.say('For two tabs')
  const first = answer.send(20)
  const second = await anotherTab(context)
  await second.open(await chat.conversationId())
  await expect(second.answerText).toHaveText(first.trim())

  const more = answer.send(20)
  await expect(second.answerText).toHaveText(more.trim())
  await expect(chat.answerText).toHaveText(more.trim())

  answer.finish()
  for (const tab of [chat, second]) {
    await tab.expectEnding('complete')
    await expect(tab.answerText).toHaveText(answer.text)
    await expect(tab.answers).toHaveCount(1)
    await expect(tab.questions).toHaveCount(1)
  }
  expect(answer.asked).toBe(1)
})

test('a tab that is open already sees what another one asks', async ({
  chat,
  context,
  upstream,
}) => {
  upstream.next({ text: 'The first answer.' }).finish()
  await chat.open()
  await chat.say('First question')
  await chat.expectEnding('complete')
  const second = await anotherTab(context)
  await second.open(await chat.conversationId())
  await expect(second.answerText).toHaveText('The first answer.')

  const answer = upstream.next({ text: prose(30) })
  await second.say('Second question')
  const sent = answer.send(10)
  await expect(second.answerText).toHaveText(sent.trim())
  await expect(chat.questions.last()).toContainText('Second question')
  await expect(chat.answerText).toHaveText(sent.trim())
  answer.finish()
  await expect(chat.answerText).toHaveText(answer.text)
})

test('a second tab can stop the answer', async ({ chat, context, upstream }) => {
  const answer = upstream.next({ text: prose(100) })
  await chat.open()
  await chat.say('To be stopped elsewhere')
  const sent = answer.send(20)
  await expect(chat.answerText).toHaveText(sent.trim())
  const second = await anotherTab(context)
  await second.open(await chat.conversationId())
  await expect(second.answerText).toHaveText(sent.trim())

  await second.stopButton.click()
  await answer.whenClosedEarly()
  for (const tab of [chat, second]) {
    await tab.expectEnding('cancelled')
    await expect(tab.answerText).toHaveText(sent.trim())
  }
})

test('a server that was killed and comes back finishes the answer on the open page', async ({
  api,
  chat,
  problems,
  server,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  const answer = upstream.next({ text: prose(120) })
  await chat.open()
  await chat.say('Survive this')
  const before = answer.send(40)
  await expect(chat.answerText).toHaveText(before.trim())

  await server.kill()
  await expect(chat.page.getByText(/Connection lost/)).toBeVisible()
  await expect(chat.answerText).toHaveText(before.trim())
  await server.start()
  await answer.whenAsked(2)
  const more = answer.send(20)
  await expect(chat.answerText).toHaveText(more.trim())
  await expect(chat.page.getByText(/Connection lost/)).toBeHidden()

  answer.finish()
  await chat.expectEnding('complete')
  await expect(chat.answerText).toHaveText(answer.text)
  await expect(chat.answers).toHaveCount(1)
  const stored = await api.stored(await chat.conversationId())
  expect(stored.map(({ content }) => content)).toEqual(['Survive this', answer.text])
})

test('the answer goes on through a time without network', async ({
  chat,
  context,
  line,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  const answer = upstream.next({ text: prose(120) })
  await chat.page.goto(`${line.url}/chat`)
  await chat.say('Ride through a tunnel')
  const before = answer.send(30)
  await expect(chat.answerText).toHaveText(before.trim())

  await context.setOffline(true)
  line.cut()
  await expect(chat.page.getByText(/You are offline/)).toBeVisible()
  await expect(chat.list).toHaveAttribute('data-stream', 'offline')
  const meanwhile = answer.send(30)
  await expect(chat.answerText).toHaveText(before.trim())
  line.mend()
  await context.setOffline(false)
  await expect(chat.page.getByText(/You are offline/)).toBeHidden()
  await expect(chat.answerText).toHaveText(meanwhile.trim())
  answer.finish()
  await chat.expectEnding('complete')
  await expect(chat.answerText).toHaveText(answer.text)
  expect(answer.asked).toBe(1)
  expect(answer.closedEarly).toBe(0)
})

test('a connection that breaks again and again loses nothing and doubles nothing', async ({
  api,
  chat,
  line,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  const answer = upstream.next({ text: prose(200), rate: 60 })
  await chat.page.goto(`${line.url}/chat`)
  await chat.say('Over a bad line')
  for (const word of ['word20 ', 'word60 ', 'word100 ']) {
    await expect(chat.answerText).toContainText(word)
    line.cut()
    await expect(chat.page.getByText(/Connection lost/)).toBeVisible()
    line.mend()
  }
  await chat.expectEnding('complete')
  await expect(chat.answerText).toHaveText(answer.text)
  const stored = await api.stored(await chat.conversationId())
  expect(stored.map(({ content }) => content)).toEqual(['Over a bad line', answer.text])
})

test('what is sent without network goes out when it is back', async ({
  api,
  chat,
  context,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  await chat.open(await api.exchange('Rivers'))
  await expect(chat.answerText).toBeVisible()
  await context.setOffline(true)
  await chat.say('Sent in a tunnel')
  await expect(chat.page.getByText('Waiting for the network')).toBeVisible()
  await expect(chat.questions.last()).toContainText('Sent in a tunnel')
  expect(upstream.questions).toEqual([])
  upstream.next({ text: 'Out of the tunnel.' }).finish()
  await context.setOffline(false)
  await expect(chat.answerText).toHaveText('Out of the tunnel.')
  expect(upstream.questions).toEqual(['Sent in a tunnel'])
})

test('a page that lost its network before it was complete lives on', async ({
  chat,
  context,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  await chat.open()
  // Parts of the page's script that are not needed at first are not there yet.
  await context.setOffline(true)
  await chat.say('Into the tunnel')
  await chat.page.keyboard.press('Control+k')
  await expect(chat.page.getByText(/You are offline/)).toBeVisible()
  upstream.next({ text: 'Out of the tunnel.' }).finish()
  await context.setOffline(false)
  await expect(chat.page.getByRole('dialog', { name: 'Search and commands' })).toBeVisible()
  await chat.page.keyboard.press('Escape')
  await expect(chat.answerText).toHaveText('Out of the tunnel.')
})
