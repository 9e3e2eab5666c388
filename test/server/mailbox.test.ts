import { describe, expect, test } from '@jest/globals'
import { Mailbox } from '../../src/server/mailbox.js'

function gate(): { readonly opened: Promise<void>; open(): void; fail(error: Error): void } {
  let open = (): void => {}
  let fail = (_error: Error): void => {}
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { opened, open: () => open(), fail: (error) => fail(error) }
}

describe('a mailbox', () => {
  test('runs a task at once, without a promise, while nothing is held', () => {
    const done: string[] = []
    const mailbox = new Mailbox(10)
    expect(mailbox.run(() => void done.push('a'))).toBeUndefined()
    expect(done).toEqual(['a'])
  })

  test('keeps the order of what came while something was held, in one go', async () => {
    const done: string[] = []
    const mailbox = new Mailbox(10)
    const held = gate()
    mailbox.hold(held.opened)
    const waiting = ['a', 'b', 'c'].map((name) => mailbox.run(() => void done.push(name)))
    expect(done).toEqual([])
    held.open()
    await Promise.all(waiting)
    expect(done).toEqual(['a', 'b', 'c'])
    expect(mailbox.idle).toBe(true)
  })

  test('goes on when what was held has failed', async () => {
    const mailbox = new Mailbox(10)
    const held = gate()
    mailbox.hold(held.opened)
    let ran = false
    const waiting = mailbox.run(() => {
      ran = true
    })
    held.fail(new Error('disk'))
    await waiting
    expect(ran).toBe(true)
  })

  test('a task that holds makes the rest wait again', async () => {
    const done: string[] = []
    const mailbox = new Mailbox(10)
    const [first, second] = [gate(), gate()]
    mailbox.hold(first.opened)
    const a = mailbox.run(() => {
      done.push('a')
      mailbox.hold(second.opened)
    })
    const b = mailbox.run(() => void done.push('b'))
    first.open()
    await a
    expect(done).toEqual(['a'])
    second.open()
    await b
    expect(done).toEqual(['a', 'b'])
  })

  test('what a task brings about is part of it and goes before what waits', async () => {
    const done: string[] = []
    const mailbox = new Mailbox(10)
    const held = gate()
    mailbox.hold(held.opened)
    const a = mailbox.run(() => {
      done.push('a')
      void mailbox.run(() => void done.push('of a'))
    })
    const b = mailbox.run(() => void done.push('b'))
    held.open()
    await Promise.all([a, b])
    expect(done).toEqual(['a', 'of a', 'b'])
  })

  test('a task that throws rejects its own promise only', async () => {
    const mailbox = new Mailbox(10)
    const held = gate()
    mailbox.hold(held.opened)
    const failing = mailbox.run(() => {
      throw new Error('no')
    })
    const fine = mailbox.run(() => undefined)
    held.open()
    await expect(failing).rejects.toThrow('no')
    await fine
  })

  test('is bounded, but for what is mandatory', async () => {
    const mailbox = new Mailbox(2)
    const held = gate()
    mailbox.hold(held.opened)
    const waiting = [mailbox.run(() => undefined), mailbox.run(() => undefined)]
    expect(() => mailbox.run(() => undefined)).toThrow(expect.objectContaining({ condition: 'resource-constraint' }))
    let ran = false
    waiting.push(
      mailbox.run(() => {
        ran = true
      }, true),
    )
    held.open()
    await Promise.all(waiting)
    expect(ran).toBe(true)
  })
})

describe('what follows something', () => {
  const order = () => {
    const done: string[] = []
    return { done, say: (name: string) => () => void done.push(name) }
  }

  test('runs in its place, whatever settles first; others wait behind it', async () => {
    const { done, say } = order()
    const mailbox = new Mailbox(10)
    const [first, second] = [gate(), gate()]
    const all = [mailbox.follow(first.opened, say('a')), mailbox.follow(second.opened, say('b')), mailbox.run(say('c'))]
    expect([mailbox.idle, mailbox.open]).toEqual([false, false])
    second.open()
    await second.opened
    expect(done).toEqual([])
    first.open()
    await Promise.all(all)
    expect(done).toEqual(['a', 'b', 'c'])
    expect([mailbox.idle, mailbox.open]).toEqual([true, true])
  })

  test('may be joined while nothing else waits', () => {
    const mailbox = new Mailbox(10)
    const first = gate()
    void mailbox.follow(first.opened, () => undefined)
    expect([mailbox.idle, mailbox.open]).toEqual([false, true])
    const held = gate()
    mailbox.hold(held.opened)
    expect(mailbox.open).toBe(false)
    first.open()
    held.open()
  })

  test('belongs to the turn of the task that asks for it: what waited behind that waits on', async () => {
    const { done, say } = order()
    const mailbox = new Mailbox(10)
    const [held, kept] = [gate(), gate()]
    mailbox.hold(held.opened)
    const followed: Promise<void>[] = []
    const task = mailbox.run(() => {
      followed.push(mailbox.follow(kept.opened, say('kept')))
      void mailbox.run(say('behind it'))
    })
    const later = mailbox.run(say('later'))
    held.open()
    await task
    expect(done).toEqual([])
    kept.open()
    await Promise.all([...followed, later])
    expect(done).toEqual(['kept', 'behind it', 'later'])
  })

  test('is told of the failure in its turn, and keeps nobody else back', async () => {
    const { done, say } = order()
    const mailbox = new Mailbox(10)
    const [first, second] = [gate(), gate()]
    const all = [
      mailbox.follow(first.opened, say('a')),
      mailbox.follow(second.opened, say('b')).catch((error: Error) => void done.push(error.message)),
      mailbox.run(say('c')),
    ]
    second.fail(new Error('disk'))
    first.open()
    await Promise.all(all)
    expect(done.toSorted()).toEqual(['a', 'c', 'disk'])
  })
})
