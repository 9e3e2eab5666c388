import { describe, expect, test } from '@jest/globals'
import { readContent, remember, takeContent } from '../../src/room/content.js'
import { xml } from '../../src/xml/element.js'

const text = '<body>hi</body>'

describe('the elements of a payload', () => {
  test('are those that it was written from, for as long as they are kept', () => {
    const carrier = {}
    const body = xml('body', {}, 'hi')
    remember(carrier, [body])
    expect(readContent(carrier, text)[0]).toBe(body)
    expect(takeContent(carrier, text)[0]).toBe(body)
    expect(takeContent(carrier, text)[0]).not.toBe(body)
  })

  test('say the same when they are read from the text again, which keeps nothing', () => {
    const carrier = {}
    const [first] = takeContent(carrier, text)
    const [second] = takeContent(carrier, text)
    expect(first?.getText()).toBe('hi')
    expect(second?.getText()).toBe('hi')
    expect(second).not.toBe(first)
  })
})
