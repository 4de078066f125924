import { expectAccessible } from './support/axe'
import { Desk } from './support/desk'
import { expect, test as base } from './support/fixtures'

const test = base.extend<{ desk: Desk }>({
  desk: async ({}, provide) => {
    const desk = await Desk.start()
    await provide(desk)
    await desk.stop()
  },
})

test('an MCP server that asks for a sign-in is connected, and disconnected', async ({
  desk,
  page,
}) => {
  await page.goto('/tools?view=servers')
  await page.getByRole('button', { name: 'Add a server' }).click()
  const dialog = page.getByRole('dialog', { name: 'Add an MCP server' })
  await dialog.getByLabel('Name', { exact: true }).fill('desk')
  await dialog.getByText('A web address').click()
  await dialog.getByLabel('Address').fill(desk.url)
  await dialog.getByRole('button', { name: 'Add server' }).click()

  const details = page.getByRole('article')
  // The log that is still being loaded is a status as well.
  const status = (words: string) => details.getByRole('status').filter({ hasText: words })
  await expect(status('Needs sign-in')).toBeVisible()
  await expectAccessible(page, 'a server that needs a sign-in')
  const connect = details.getByRole('button', { name: 'Connect', exact: true })
  await connect.click()
  await page.getByRole('link', { name: 'Deny' }).click()
  await expect(details.getByRole('alert')).toContainText('Nothing was granted')
  await expect(page).toHaveURL(/\/tools\?view=servers&server=desk$/)
  await page.reload()
  await expect(connect).toBeVisible()
  await expect(details.getByRole('alert')).toHaveCount(0)

  await connect.click()
  await page.getByRole('link', { name: 'Allow' }).click()
  await expect(status('Ready')).toBeVisible()
  await expect(details.getByRole('region', { name: 'Sign-in' })).toContainText(desk.origin)
  await expect(details.getByRole('link', { name: 'desk__hello' })).toBeVisible()
  await expectAccessible(page, 'a server that is connected')

  await details.getByRole('button', { name: 'Disconnect' }).click()
  await expect(status('Needs sign-in')).toBeVisible()
  await expect(details.getByRole('link', { name: 'desk__hello' })).toHaveCount(0)
  await expect.poll(() => desk.revoked).toHaveLength(1)
})
