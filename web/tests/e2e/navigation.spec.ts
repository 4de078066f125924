import { expect, test } from './support/fixtures'

test('a page whose scripts take their time shows at once what will be there', async ({
  chat,
  page,
}) => {
  await chat.open()
  await page.waitForLoadState('networkidle')
  let deliver: () => void = () => undefined
  const delivered = new Promise<void>((resolve) => {
    deliver = resolve
  })
  let held = 0
  await page.route('**/_next/static/chunks/*.js', async (route) => {
    held += 1
    await delivered
    await route.continue()
  })
  await page.getByRole('link', { name: 'Dashboard' }).click()
  await expect(page.getByRole('heading', { name: 'Dashboard' })).toBeVisible()
  expect(held).toBeGreaterThan(0)
  await expect(page.getByText('Live')).toBeHidden()
  deliver()
  await expect(page.getByText('Live')).toBeVisible()
})
