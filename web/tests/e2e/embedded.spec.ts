import { expect, test } from './support/fixtures'
import { pulledModel } from './support/server'
import { NETWORK_LOSS } from './support/problems'

test.describe('the embedded model', () => {
  // As it is for somebody who has set nothing: the model is found where `weir model pull` has put it.
  test.use({ hasUpstream: false, settings: { WEIR_LOCAL_MODEL: '' } })
  test.skip(pulledModel() === undefined, 'SKIPPED: `weir model pull` has not been run.')
  // A real model thinks at the speed of the machine, which may be busy.
  test.setTimeout(120_000)

  test('answers without a key and without a network', async ({ api, chat }) => {
    await chat.open()
    const growth = await chat.watchGrowth()
    await chat.say('Write three sentences about rivers.')
    await expect(chat.answers.last()).toHaveAttribute('data-status', 'complete', {
      timeout: 60_000,
    })
    await expect(
      chat.page.getByText(/is a small demonstration model and often wrong/),
    ).toBeVisible()
    expect((await growth()).length).toBeGreaterThan(3)
    const [, answer] = await api.stored(await chat.conversationId())
    expect(answer?.status).toBe('complete')
    expect(answer?.content.length).toBeGreaterThan(20)
  })

  test('goes on with its answer after the server was killed', async ({
    api,
    chat,
    problems,
    server,
  }) => {
    problems.expect(NETWORK_LOSS)
    await chat.open()
    await chat.say('Tell a long story about a mill on a river.')
    await expect(chat.answerText).toContainText(/\w+\W+\w+\W+\w+/, { timeout: 60_000 })
    await server.kill()
    await expect(chat.page.getByText(/Connection lost/)).toBeVisible()
    const cut = (await chat.answerText.innerText()).split('\n')[0] ?? ''
    await server.start()
    await expect(chat.answers.last()).toHaveAttribute('data-status', 'complete', {
      timeout: 60_000,
    })
    const [, answer] = await api.stored(await chat.conversationId())
    expect(answer?.content.startsWith(cut)).toBe(true)
    expect(answer?.content.length).toBeGreaterThan(cut.length)
  })
})
