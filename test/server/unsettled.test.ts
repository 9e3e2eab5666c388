import { describe, expect, test } from '@jest/globals'
import { Unsettled } from '../../src/server/unsettled.js'

function connection() {
  const state = { lagging: false, reading: true, full: 0 }
  const unsettled = new Unsettled({
    most: 1000,
    lagging: () => state.lagging,
    hold: (full) => {
      state.reading = false
      if (full) state.full++
    },
    goOn: () => {
      state.reading = true
    },
  })
  return { state, unsettled }
}

describe('a connection is not read from', () => {
  test('while a thousand of its stanzas are not dealt with', () => {
    const { state, unsettled } = connection()
    for (let n = 0; n < 999; n++) unsettled.add()
    expect(state.reading).toBe(true)
    unsettled.add()
    expect(state).toMatchObject({ reading: false, full: 1 })
    unsettled.settle()
    expect(state.reading).toBe(true)
  })

  test('while the disk lags behind and something of it waits', () => {
    const { state, unsettled } = connection()
    unsettled.add()
    state.lagging = true
    unsettled.add()
    expect(state).toMatchObject({ reading: false, full: 0 })
    unsettled.settle()
    expect(state.reading).toBe(false)
    unsettled.settle()
    expect(state.reading).toBe(true)
  })

  test('until the disk has caught up', () => {
    const { state, unsettled } = connection()
    state.lagging = true
    for (let n = 0; n < 3; n++) unsettled.add()
    state.lagging = false
    unsettled.settle()
    expect(state.reading).toBe(true)
  })
})
