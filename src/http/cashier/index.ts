export { addCashierRoutes, sendCashierError, sendCashierMessage } from './routes.ts';
