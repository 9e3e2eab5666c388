import { expect, test } from '@jest/globals'
import { Stage } from '../../room/stage.js'
import { play } from './transcript.js'

const crone = 'crone1@shakespeare.lit/desktop'
const message = (body: string): string =>
  `<message from='coven@chat.shakespeare.lit/firstwitch' to='${crone}' type='groupchat'><body>${body}</body></message>`
const sent = `C: <message from='${crone}' to='coven@chat.shakespeare.lit' type='groupchat'><body>x</body></message>`

test('a transcript fails by what is missing, different, too much, out of order, or empty', () => {
  const attempt = (text: string) => () => play(new Stage().found(), text)
  expect(attempt(`${sent}\nS: ${message('x')}`)).not.toThrow()
  expect(attempt(`${sent}\nS: ${message('y')}`)).toThrow('missing')
  expect(attempt(`${sent}\nS: ${message('x')}\nS: ${message('x')}`)).toThrow('missing')
  expect(attempt(sent)).toThrow('nobody expected')
  expect(attempt(`${sent}\nS: ...`)).not.toThrow()
  expect(attempt('')).toThrow('says nothing')
  const self = `S: <presence from='coven@chat.shakespeare.lit/a' to='a@b.c/d'>{...}<x xmlns='http://jabber.org/protocol/muc#user'>{...}</x></presence>`
  const other = `S: <presence from='coven@chat.shakespeare.lit/firstwitch' to='a@b.c/d'>{...}<x xmlns='http://jabber.org/protocol/muc#user'>{...}</x></presence>`
  const join = `C: <presence from='a@b.c/d' to='coven@chat.shakespeare.lit/a'><x xmlns='http://jabber.org/protocol/muc'/></presence>`
  expect(attempt(`${join}\n${other}\n${self}\nS: ...`)).not.toThrow()
  expect(attempt(`${join}\n${self}\n${other}\nS: ...`)).toThrow('missing')
})
