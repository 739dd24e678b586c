export * from './cursor.ts';
export * from './gauges.ts';
export * from './port.ts';
export * from './stored-document.ts';
export * from './watched.ts';
