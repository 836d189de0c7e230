/** The public door of the dashboard: a module to import, and its options. */
export { CacheDashboardModule } from './cache-dashboard.module.js';
export type { CacheDashboardOptions } from './options.js';
