import type { Skip } from '../layout/ShellFrame'

/** The content of the page, where the first Tab leads. */
export const CONTENT_ID = 'settings-content'

export const SKIP: Skip = { target: CONTENT_ID, label: 'Skip to the settings' }
