/** The frames of the WebSocket, as the contract generates them. */
export type { ClientFrame, InboxChange, ServerFrame } from './generated/types.gen'
