/** XEP-0156: a web client that knows a domain finds out where it can connect. */
import { afterEach, expect, test } from '@jest/globals'
import { hostMeta, hostMetaJsonPath, hostMetaPath } from '../../src/net/host-meta.js'
import { HttpServer } from '../../src/net/http.js'
import { silentLogger } from '../../src/util/logger.js'

let http: HttpServer
afterEach(() => http.close(100))

async function serve(externalUrl?: string): Promise<string> {
  http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  const handler = hostMeta({ externalUrl, websocket: '/xmpp-websocket', bosh: '/http-bind' })
  for (const path of [hostMetaPath, hostMetaJsonPath]) http.route(path, handler)
  return `http://127.0.0.1:${http.port}`
}

test('§3 in XML and in JSON, for pages of every origin', async () => {
  const base = await serve('https://chat.example.org/x&y/')
  const xml = await fetch(`${base}/.well-known/host-meta`)
  expect(xml.headers.get('content-type')).toBe('application/xrd+xml')
  expect(xml.headers.get('access-control-allow-origin')).toBe('*')
  expect(await xml.text()).toBe(`<?xml version='1.0' encoding='utf-8'?>
<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>
  <Link rel='urn:xmpp:alt-connections:websocket' href='wss://chat.example.org/x&amp;y/xmpp-websocket'/>
  <Link rel='urn:xmpp:alt-connections:xbosh' href='https://chat.example.org/x&amp;y/http-bind'/>
</XRD>
`)
  const json = await fetch(`${base}/.well-known/host-meta.json`, { headers: { Origin: 'https://elsewhere.example' } })
  expect(json.headers.get('content-type')).toBe('application/json')
  expect(json.headers.get('access-control-allow-origin')).toBe('*')
  expect(await json.json()).toEqual({
    links: [
      { rel: 'urn:xmpp:alt-connections:websocket', href: 'wss://chat.example.org/x&y/xmpp-websocket' },
      { rel: 'urn:xmpp:alt-connections:xbosh', href: 'https://chat.example.org/x&y/http-bind' },
    ],
  })
})

test('what is left out is not named', async () => {
  http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  http.route(hostMetaJsonPath, hostMeta({ externalUrl: 'https://a.example/', websocket: undefined, bosh: undefined }))
  const json = await fetch(`http://127.0.0.1:${http.port}/.well-known/host-meta.json`)
  expect(await json.json()).toEqual({ links: [] })
})

test('a preflight is answered; what changes something is refused', async () => {
  const base = await serve('https://chat.example.org/')
  expect((await fetch(`${base}/.well-known/host-meta`, { method: 'OPTIONS' })).status).toBe(204)
  expect((await fetch(`${base}/.well-known/host-meta`, { method: 'POST' })).status).toBe(405)
  expect((await fetch(`${base}/.well-known/host-meta/other`)).status).toBe(404)
})

test('without http_external_url only this machine is answered, and no Host of a stranger is repeated', async () => {
  const base = await serve()
  const text = await (await fetch(`${base}/.well-known/host-meta.json`)).text()
  expect(text).toContain(`ws://127.0.0.1:${http.port}/xmpp-websocket`)
  const { request } = await import('node:http')
  const status = await new Promise((resolve) => {
    request({ port: http.port, path: '/.well-known/host-meta.json', headers: { Host: 'evil.example' } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).end()
  })
  expect(status).toBe(404)
})
