import type { Device, Me } from '@/types/account'

import { id } from './values'

/** A person who is signed in; an administrator unless said otherwise. */
export function me(fields: Partial<Me> = {}): Me {
  return {
    id: id(1),
    name: 'Ada',
    email: 'ada@example.org',
    role: 'administrator',
    auth: 'required',
    scopes: ['read', 'write', 'admin'],
    hasPassword: true,
    ...fields,
  }
}

/** A device that somebody is signed in on. */
export function device(n: number, fields: Partial<Device> = {}): Device {
  return {
    id: id(n),
    device: `Browser ${n}`,
    address: '127.0.0.1',
    createdAt: '2026-01-30T12:00:00.000Z',
    lastUsedAt: '2026-01-31T11:00:00.000Z',
    current: false,
    ...fields,
  }
}
