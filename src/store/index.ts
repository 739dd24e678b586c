export * from './cursor.ts';
export * from './gauges.ts';
export type * from './port.ts';
export * from './stored-document.ts';
export * from './watched.ts';
