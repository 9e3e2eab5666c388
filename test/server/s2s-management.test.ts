/** Stream management between servers (XEP-0198): what was written to a stream that broke is not lost. */
import { describe, expect, test } from '@jest/globals'
import { message } from './s2s-peer.js'
import { idsIn, wirePool } from './s2s-wire.js'

const sm = `<sm xmlns='urn:xmpp:sm:3'/>`
const a = (h: number): string => `<a xmlns='urn:xmpp:sm:3' h='${h}'/>`

/** A link that is up to a peer that counts. */
async function managed() {
  const wire = wirePool()
  wire.dns['b.example'] = ['10.0.0.2:5269']
  const up = async () => {
    await wire.settle()
    const peer = wire.connections.at(-1)!
    peer.greets({ more: sm })
    peer.answers('b.example', 'a.example')
    return peer
  }
  return { wire, up, send: (id: string) => wire.pool.send(message('x@a.example', 'y@b.example', id)) }
}

describe('a peer that counts', () => {
  test('is asked once in a round trip; what it did not acknowledge is sent again, first and in order', async () => {
    const { wire, up, send } = await managed()
    send('1')
    const first = await up()
    const written = first.take()
    expect(written.indexOf('<enable')).toBeLessThan(written.indexOf('<message'))
    send('2')
    send('3')
    expect(`${written}${first.take()}`.match(/<r /g)).toHaveLength(1)
    first.sends(a(1))
    expect(first.take()).toContain('<r ')
    send('4')
    first.breaks()
    send('5')
    const second = await up()
    expect(idsIn(second.take())).toEqual(['2', '3', '4', '5'])
    second.sends(a(4))
    second.breaks()
    await wire.settle()
    expect([wire.bounces(), wire.connections.length]).toEqual([[], 2])
  })

  test('and breaks the stream a second time: the senders are told, it is not tried for ever', async () => {
    const { wire, up, send } = await managed()
    send('poison')
    ;(await up()).breaks()
    ;(await up()).breaks()
    await wire.settle()
    expect([wire.bounces(), wire.connections.length]).toEqual([['poison remote-server-timeout'], 2])
  })

  test('and acknowledges more than it was sent', async () => {
    const { up, send } = await managed()
    send('1')
    const peer = await up()
    peer.take()
    peer.sends(a(7))
    expect(peer.take()).toContain('handled-count-too-high')
  })

  test('or does not after all: nothing is kept for it', async () => {
    const { wire, up, send } = await managed()
    send('1')
    const peer = await up()
    peer.sends(`<failed xmlns='urn:xmpp:sm:3'/>`)
    peer.breaks()
    await wire.settle()
    expect([wire.connections.length, wire.bounces()]).toEqual([1, []])
  })
})
