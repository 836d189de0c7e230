/** Injection tokens inside the dashboard, and words that its controllers share. */
export const DASHBOARD_OPTIONS: unique symbol = Symbol('CACHE_DASHBOARD_OPTIONS');

/** Routes of the dashboard are no part of an application's API: Swagger leaves out a controller that says so. */
export const HIDDEN_FROM_SWAGGER = ['swagger/apiExcludeController', [true]] as const;
