import { expect, test } from 'vitest';
import { missingEntries } from '../../scripts/complete-lock.ts';

const owner = {
  version: '2.6.8',
  dev: true,
  optionalDependencies: { '@x/cli-darwin-arm64': '2.6.8', '@x/cli-linux-x64-musl': '2.6.8' },
};

test('optional packages of other platforms are added with the platform that they are for', () => {
  expect(missingEntries({ 'node_modules/@x/x': owner })).toEqual({
    'node_modules/@x/cli-darwin-arm64': { version: '2.6.8', cpu: ['arm64'], dev: true, optional: true, os: ['darwin'] },
    'node_modules/@x/cli-linux-x64-musl': {
      version: '2.6.8',
      cpu: ['x64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    },
  });
});

test('what the lock has already is left as it is', () => {
  const packages = {
    'node_modules/@x/x': owner,
    'node_modules/@x/cli-darwin-arm64': { version: '2.6.8', integrity: 'sha512-abc' },
    'node_modules/@x/cli-linux-x64-musl': { version: '2.6.8' },
  };
  expect(missingEntries(packages)).toEqual({});
});
