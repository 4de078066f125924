import { prose } from './support/chat-page'
import { anotherTab, expect, test } from './support/fixtures'
import { NETWORK_LOSS } from './support/problems'

test('a wrong key is told in words, and Retry works once it is right', async ({
  chat,
  upstream,
}) => {
  upstream.refuse({ status: 401, message: 'Incorrect API key provided' })
  await chat.open()
  await chat.say('Let me in')
  await chat.expectEnding('error')
  await expect(chat.answers.last()).toContainText(
    /does not accept the API key\. Check OPENAI_API_KEY\./,
  )
  // A reload says the same.
  await chat.conversationId()
  await chat.page.reload()
  await expect(chat.answers.last()).toContainText(
    /does not accept the API key\. Check OPENAI_API_KEY\./,
  )
  upstream.next({ text: 'Welcome in.' }).finish()
  await chat.answers.last().getByRole('button', { name: 'Retry' }).click()
  await expect(chat.answerText).toHaveText('Welcome in.')
  await chat.expectEnding('complete')
})

test('a model server that takes no more requests is told in words', async ({ chat, upstream }) => {
  upstream.refuse({ status: 429, message: 'Slow down', headers: { 'retry-after': '30' } })
  await chat.open()
  await chat.say('One more')
  await chat.expectEnding('error')
  await expect(chat.answers.last()).toContainText(
    'takes no more requests for now. Try again in 30 s.',
  )
})

test('an answer that breaks off keeps what it said, and is not taken for a whole one', async ({
  chat,
  upstream,
}) => {
  const answer = upstream.next({ text: prose(60) })
  await chat.open()
  await chat.say('Break')
  const sent = answer.send(15)
  await expect(chat.answerText).toHaveText(sent.trim())
  answer.breakOff()
  await chat.expectEnding('error')
  await expect(chat.answerText).toHaveText(sent.trim())
  await expect(chat.answers.last()).toContainText('broke off before its end. Try again.')

  upstream.next({ text: 'Whole this time.' }).finish()
  await chat.page.getByRole('button', { name: 'Retry' }).click()
  await expect(chat.answerText).toHaveText('Whole this time.')
})

test('a server that is busy says when: the text stays, and goes out by itself', async ({
  chat,
  page,
  problems,
  upstream,
}) => {
  problems.expect(/status of 429/)
  let refusals = 0
  await page.route('**/api/realtime', async (route) => {
    refusals += 1
    if (refusals > 1) return route.fallback()
    return route.fulfill({
      status: 429,
      headers: { 'retry-after': '3', 'content-type': 'application/problem+json' },
      body: JSON.stringify({
        type: 'about:blank',
        title: 'Too Many Requests',
        status: 429,
        detail: 'Too many requests. Try again in 3 s.',
        code: 'rate_limited',
        requestId: 'test',
      }),
    })
  })
  upstream.next({ text: 'There you are.' }).finish()
  await chat.open()
  await chat.say('Patience')
  await expect(page.getByText(/Trying again in [123] s/)).toBeVisible()
  await expect(chat.questions.last()).toContainText('Patience')
  await expect(chat.alert).toContainText('Too many requests.')
  await expect(chat.answerText).toHaveText('There you are.')
  await expect(chat.questions).toHaveCount(1)
  expect(upstream.questions).toEqual(['Patience'])
})

test('a refused message can be taken back into the composer', async ({ chat, page, problems }) => {
  problems.expect(/status of 429/)
  await page.route('**/api/realtime', (route) =>
    route.fulfill({ status: 429, headers: { 'retry-after': '60' }, body: 'Busy' }),
  )
  await chat.open()
  await chat.say('Let me think again')
  await page.getByRole('button', { name: 'Edit' }).click()
  await expect(chat.composer).toHaveValue('Let me think again')
  await expect(chat.composer).toBeFocused()
  await expect(chat.questions).toHaveCount(0)
})

test.describe('a server that is restarting', () => {
  test.use({ settings: { WEIR_SHUTDOWN_GRACE: '30s' } })

  test('keeps the message until it is back', async ({
    chat,
    context,
    problems,
    server,
    upstream,
  }) => {
    problems.expect(/status of 503/, NETWORK_LOSS)
    const first = upstream.next({ text: prose(30) })
    await chat.open()
    await chat.say('Before the restart')
    await expect(chat.answerText).toHaveText(first.send(5).trim())
    // While the first answer comes to its end, the server takes no new question.
    server.terminate()
    const second = await anotherTab(context)
    await second.open()
    await second.say('During the restart')
    await expect(second.alert).toContainText('The server is restarting.')
    await expect(second.questions).toContainText('During the restart')

    upstream.next({ text: 'Back again.' }).finish()
    first.finish()
    await chat.expectEnding('complete')
    await server.whenEnded()
    await server.start()
    await expect(second.answerText).toHaveText('Back again.')
    expect(upstream.questions).toEqual(['Before the restart', 'During the restart'])
  })
})

test('a conversation that does not exist says so, and leads on', async ({
  chat,
  page,
  problems,
}) => {
  problems.expect(/status of 404/)
  await page.goto('/chat?c=018f0000-0000-7000-8000-000000000000')
  await expect(chat.alert).toContainText('This conversation does not exist')
  await chat.alert.getByRole('button', { name: 'New chat' }).click()
  await expect(page).toHaveURL('/chat')
  await expect(page.getByRole('heading', { level: 2 })).toHaveText('What would you like to know?')
  await expect(chat.composer).toBeFocused()
})

test('an address that is no id says so too', async ({ chat, page, problems }) => {
  problems.expect(/status of 4\d\d/)
  await page.goto('/chat?c=nonsense')
  await expect(chat.alert).toContainText('This conversation does not exist')
})

test('a page that does not exist says so, and leads to the chat', async ({ page, problems }) => {
  problems.expect(/status of 404/)
  const response = await page.goto('/nowhere')
  expect(response?.status()).toBe(404)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no such page')
  await page.getByRole('link', { name: 'Go to the chat' }).click()
  await expect(page.getByRole('textbox', { name: 'Message' })).toBeVisible()
})
