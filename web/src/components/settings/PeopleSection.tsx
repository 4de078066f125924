'use client'

import { Users } from 'lucide-react'
import { useEffect } from 'react'

import { people, usePeople } from '@/stores/people.store'
import type { Me } from '@/types/account'

import { CollectionView } from './CollectionView'
import { PersonRow } from './PersonRow'
import { Section } from './Section'

/** Everyone who has an account here. */
export function PeopleSection({ me }: { me: Me }) {
  const state = usePeople()

  useEffect(() => {
    void people.load()
  }, [])

  return (
    <Section
      title="People"
      description="Everyone who has an account. Whoever is shut out loses what they have open within a second; nothing of theirs is deleted."
    >
      <CollectionView
        name="people"
        state={state}
        onLoad={people.load}
        empty={{ Icon: Users, title: 'Nobody', text: 'Make an invite, and send its link.' }}
      >
        {(person) => <PersonRow person={person} isMe={person.id === me.id} />}
      </CollectionView>
    </Section>
  )
}
