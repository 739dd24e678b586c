export { openApiDocument } from './document.ts';
export { addDocumentRoutes } from './routes.ts';
