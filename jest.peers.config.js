// The tests against real servers, clients, browsers and the package registry: `npm run test:peers`. One after the other,
// since each starts processes of its own.
import base from './jest.config.js'

/** @type {import('jest').Config} */
export default {
  ...base,
  testMatch: ['<rootDir>/test/peers/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  reporters: ['default', '<rootDir>/test/peers/count.mjs'],
  testTimeout: 180_000,
}
