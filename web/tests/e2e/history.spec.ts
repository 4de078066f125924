import { expect, test } from './support/fixtures'

test('a conversation is renamed in place, and stays renamed', async ({ api, chat, page }) => {
  const id = await api.exchange('Rivers')
  await chat.open(id)
  await chat.act('Rivers', 'Rename')
  const field = page.getByRole('textbox', { name: 'Conversation title' })
  await expect(field).toBeFocused()
  await field.fill('Rivers and weirs')
  await field.press('Enter')
  await expect(chat.conversation('Rivers and weirs')).toBeFocused()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Rivers and weirs')
  await expect
    .poll(async () => (await api.conversations()).map(({ title }) => title))
    .toEqual(['Rivers and weirs'])
  await page.reload()
  await expect(chat.conversation('Rivers and weirs')).toBeVisible()
})

test('Escape leaves the title as it was', async ({ api, chat, page }) => {
  await api.exchange('Rivers')
  await chat.open()
  await chat.act('Rivers', 'Rename')
  await page.getByRole('textbox', { name: 'Conversation title' }).fill('Something else')
  await page.keyboard.press('Escape')
  await expect(chat.conversation('Rivers')).toBeFocused()
  expect((await api.conversations()).map(({ title }) => title)).toEqual(['Rivers'])
})

test('a pinned conversation stands first', async ({ api, chat, page }) => {
  await api.exchange('Old one')
  await api.exchange('New one')
  await chat.open()
  const links = chat.conversations
  await expect(links).toHaveText(['New one', 'Old one'])
  await chat.act('Old one', 'Pin')
  await expect(links).toHaveText(['Old one', 'New one'])
  await expect(chat.history.getByRole('heading', { name: 'Pinned' })).toBeVisible()
  // The page shows it before the server knows it.
  await expect.poll(async () => (await api.conversations()).some(({ pinned }) => pinned)).toBe(true)
  await page.reload()
  await expect(links).toHaveText(['Old one', 'New one'])
  await chat.act('Old one', 'Unpin')
  await expect(links).toHaveText(['New one', 'Old one'])
})

test('a conversation is deleted after asking, for good', async ({ api, chat, page, problems }) => {
  problems.expect(/status of 404/)
  const id = await api.exchange('Rivers')
  await api.exchange('Lakes')
  await chat.open(id)
  await chat.act('Rivers', 'Delete')
  const dialog = page.getByRole('alertdialog')
  await expect(dialog).toContainText('“Rivers” and all its messages')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await expect(chat.conversation('Rivers')).toBeVisible()

  await chat.act('Rivers', 'Delete')
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await expect(chat.conversation('Rivers')).toBeHidden()
  await expect(page).toHaveURL('/chat')
  // Leaving the page does not wait for the time in which it could be undone.
  await page.goto('about:blank')
  await expect
    .poll(async () => (await api.conversations()).map(({ title }) => title))
    .toEqual(['Lakes'])
  await page.goto(`/chat?c=${id}`)
  await expect(chat.alert).toContainText('This conversation does not exist')
})

test('a deletion can be undone', async ({ api, chat, page }) => {
  const id = await api.exchange('Rivers')
  await chat.open()
  await chat.act('Rivers', 'Delete')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect(chat.conversation('Rivers')).toBeHidden()
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(chat.conversation('Rivers')).toBeVisible()
  await chat.conversation('Rivers').click()
  await expect(chat.answerText).toHaveText('An answer about Rivers.')
  expect((await api.conversations()).map((conversation) => conversation.id)).toEqual([id])
})

test('search finds titles and messages', async ({ api, chat, page }) => {
  await api.exchange('Rivers', 'They meander.')
  await api.exchange('Lakes', 'They are still.')
  await chat.open()
  const search = page.getByRole('searchbox', { name: 'Search conversations' })
  const links = chat.conversations
  await search.fill('lake')
  await expect(links).toHaveText(['Lakes'])
  await search.fill('meander')
  await expect(links).toHaveText(['Rivers'])
  await search.fill('volcano')
  await expect(chat.history).toContainText('Nothing found for “volcano”.')
  await page.getByRole('button', { name: 'Clear search' }).click()
  await expect(links).toHaveText(['Lakes', 'Rivers'])
})

test('the command palette finds a conversation and opens it', async ({ api, chat, page }) => {
  const id = await api.exchange('Rivers', 'They meander.')
  await api.exchange('Lakes')
  await chat.open()
  await page.keyboard.press('Control+k')
  const palette = page.getByRole('dialog', { name: 'Search and commands' })
  await expect(palette.getByRole('combobox')).toBeFocused()
  await palette.getByRole('combobox').fill('meander')
  await expect(palette.getByRole('option')).toHaveText(['Rivers'])
  await page.keyboard.press('Enter')
  await expect(palette).toBeHidden()
  await expect(page).toHaveURL(`/chat?c=${id}`)
  await expect(chat.answerText).toHaveText('They meander.')
})

test('a long history loads as it is scrolled', async ({ api, chat }) => {
  for (let number = 1; number <= 70; number += 1) await api.conversation(`Chat ${number}`)
  await chat.open()
  const links = chat.conversations
  await expect(links.first()).toHaveText('Chat 70')
  await expect(links).not.toHaveCount(70)
  await links.last().scrollIntoViewIfNeeded()
  await expect(links).toHaveCount(70)
  await expect(links.last()).toHaveText('Chat 1')
})

test('another tab hears of what happens in this one', async ({ api, chat, context }) => {
  await api.exchange('Rivers')
  await chat.open()
  const page = await context.newPage()
  await page.goto('/chat')
  await expect(page.getByRole('link', { name: 'Rivers' })).toBeVisible()
  await chat.act('Rivers', 'Pin')
  await expect(page.getByRole('heading', { name: 'Pinned' })).toBeVisible()
})
