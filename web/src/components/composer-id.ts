/** The id of the message field, for the skip link and the shortcut that go to it. */
export const COMPOSER_ID = 'composer'
