/** The door `nestjs-multi-level-cache/terminus`, for applications that use @nestjs/terminus. */
export { CacheHealthIndicator, type CacheHealthDetails } from './health/cache-health.indicator.js';
export type { Objective } from './health/objectives.js';
