/** How large the page is where it is looked at. */
export const PLACES = {
  'on a phone': { width: 390, height: 844 },
  'on a desk': { width: 1440, height: 900 },
}
