export { epayFacade } from './facade.ts';
