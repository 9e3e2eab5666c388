/** A room on two servers of processes of their own, whose link is cut, falls silent, loses and repeats (XEP-0281 §4.5). */
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { forging, losing, repeating, TappedLink } from '../live/tapped-link.mjs'
import { until } from '../live/until.mjs'
import { Crew } from './crew.js'

jest.setTimeout(120_000)

let crew: Crew | undefined
afterEach(async () => {
  await crew?.federation.remove()
  crew = undefined
})

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

describe('a link between two servers', () => {
  test('is cut: both sides go on, see each other leave, and have everything once and in order when it heals', async () => {
    crew = await Crew.gather()
    const links = crew.federation.both('a', 'b')
    await crew.chat(20)
    await crew.allHeard()
    for (const link of links) link.cut()
    await crew.chat(150)
    await until(() => crew?.present().join() === '1,1', 'both to see the other leave')
    await crew.chat(10)
    expect(crew.views().map(({ heard }) => heard.filter(({ from }) => from !== '').length)).toEqual([200, 200])
    for (const link of links) link.heal()
    await crew.chat(5)
    await crew.allHeard()
    await until(() => crew?.present().join() === '2,2', 'both to see the other again')
    crew.expectClean({ cuts: links.length, refused: sum(links.map(({ refused }) => refused)) })
    await crew.end()
  })

  test('falls silent without closing: it is noticed, and nothing is lost', async () => {
    crew = await Crew.gather()
    const links = crew.federation.both('a', 'b')
    await crew.chat(5)
    await crew.allHeard()
    for (const link of links) link.hang()
    await crew.chat(20)
    await until(() => crew?.present().join() === '1,1', 'both to see the other leave')
    for (const link of links) link.heal()
    await crew.allHeard()
    await until(() => crew?.present().join() === '2,2', 'both to see the other again')
    crew.expectClean({ silences: links.length, swallowedBytes: sum(links.map(({ swallowed }) => swallowed)) })
    await crew.end()
  })
})

describe('a link that meddles', () => {
  const tapped = async (): Promise<[Crew, TappedLink]> => {
    // Pings as usual: no machine is so slow that the link is doubted and all that it carries is fetched in pages instead.
    crew = await Crew.gather({ link: () => TappedLink.open(), dmuc: '' })
    const link = crew.federation.link('a', 'b')
    if (!(link instanceof TappedLink)) throw new Error('the link is not tapped')
    await crew.chat(5)
    await crew.allHeard()
    return [crew, link]
  }
  /** bob's own words arrive at once, and say that all is quiet. */
  const quiet = async (here: Crew): Promise<void> => {
    const bob = here.speaker('b')
    const word = bob.say(here.room('b'), 'all quiet')
    await bob.settled()
    await until(() => here.speaker('a').heard.some(({ body }) => body === word.body), 'ann to hear it')
  }

  test('loses a relayed message: the verdict says so, until the next message brings it after all', async () => {
    const [here, link] = await tapped()
    link.meddle = losing('going astray')
    here.speaker('a').say(here.room('a'), 'going astray')
    await here.speaker('a').settled()
    await quiet(here)
    // On a slow machine it has been asked for by now, and that answer was lost, too.
    expect(link.meddled).toBeGreaterThanOrEqual(1)
    expect(here.verdict().lost).toEqual(['bob@b.example never heard ann: going astray'])
    link.meddle = (text) => text
    await here.chat(1)
    await here.allHeard()
    here.expectClean({ meddled: link.meddled })
    await here.end()
  })

  test('repeats a relayed message: it is shown once; as an event of its own it is shown twice, and the verdict says so', async () => {
    const [here, link] = await tapped()
    link.meddle = repeating('an echo')
    here.speaker('a').say(here.room('a'), 'an echo')
    await here.speaker('a').settled()
    await here.allHeard()
    await quiet(here)
    here.expectClean({ meddled: link.meddled })
    link.meddle = forging('a forgery')
    here.speaker('a').say(here.room('a'), 'a forgery')
    await until(() => here.verdict().duplicated.length > 0, 'the forgery to be shown')
    expect(here.verdict().faults).toEqual(['duplicated: bob@b.example heard ann: a forgery'])
    expect(link.meddled).toBeGreaterThanOrEqual(2)
    await here.end()
  })
})
