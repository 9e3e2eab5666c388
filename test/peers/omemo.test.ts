/** OMEMO between two profanity clients: keys and lists of devices at the accounts, and what is said readable to nobody else. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { type Dmucd, startDmucd } from './dmucd.js'
import { Profanity } from './profanity.js'
import { peer } from './require-peer.js'

const password = 'cauldron-bubble'
const open: Profanity[] = []

async function online(server: Dmucd, user: string): Promise<Profanity> {
  const profanity = await Profanity.open(`dmucd-omemo-${user}`)
  open.push(profanity)
  await profanity.connects(`${user}@a.example`, server.c2sPort, password)
  await profanity.shows(/logged in successfully, online/)
  return profanity
}

/** Makes keys and publishes them; takes those of others on trust. */
async function encrypts(profanity: Profanity): Promise<void> {
  await profanity.types('/omemo trustmode blind')
  await profanity.types('/omemo gen')
  await profanity.shows(/OMEMO is ready|Generated OMEMO|OMEMO crytographic materials generated|Your OMEMO identity/i)
}

peer(['profanity', 'tmux'])('OMEMO', () => {
  let server: Dmucd
  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users: { ann: password, bob: password } })
  })
  afterEach(async () => {
    for (const profanity of open.splice(0)) await profanity.close()
  })
  afterAll(() => server.stop())

  test('two contacts talk, and the server sees nothing of it', async () => {
    const ann = await online(server, 'ann')
    const bob = await online(server, 'bob')
    await ann.types('/sub request bob@a.example')
    await bob.shows(/ann@a\.example/)
    await bob.types('/sub allow ann@a.example')
    await bob.types('/sub request ann@a.example')
    await ann.shows(/subscription request|bob@a\.example/i)
    await ann.types('/sub allow bob@a.example')
    await encrypts(ann)
    await encrypts(bob)
    await ann.types('/omemo start bob@a.example')
    await ann.shows(/OMEMO session|\[OMEMO\]/)
    await ann.types('By the pricking of my thumbs')
    await bob.shows('[2]')
    await bob.types('/win 2')
    await bob.shows('By the pricking of my thumbs')
    await bob.types('/omemo start')
    await bob.shows('[OMEMO]')
    await bob.types('Something wicked this way comes')
    await ann.shows('Something wicked this way comes')
    const wire = [ann, bob].flatMap((each) =>
      each
        .log()
        .split('\n')
        .filter((line) => /(SENT|RECV): /.test(line)),
    )
    expect(
      wire.filter((line) => /<encrypted xmlns=.*eu\.siacs\.conversations\.axolotl/.test(line)).length,
    ).toBeGreaterThanOrEqual(2)
    expect(wire.filter((line) => /pricking|wicked/.test(line))).toEqual([])
  })
})
