export { addEpayDoctorRoutes, type EpayDoctorParts } from './routes.ts';
