export { addCashierRoutes, sendCashierError } from './routes.ts';
