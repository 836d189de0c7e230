/** The door `nestjs-multi-level-cache/telemetry`: needs `@opentelemetry/api`, and uses `nestjs-otel` where it is. */
export { CacheTelemetryModule } from './telemetry/cache-telemetry.module.js';
export { subscribe } from './telemetry/subscribe.js';
export { METRICS } from '../telemetry/names.js';
export type { ChannelMessage } from '../core/events.js';
