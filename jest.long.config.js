// Long runs with many kills: `npm run test:long`. One after the other, since each takes the machine for itself.
import base from './jest.config.js'

/** @type {import('jest').Config} */
export default {
  ...base,
  testMatch: ['<rootDir>/test/long/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 60 * 60_000,
}
