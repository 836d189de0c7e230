/** Where the demo's parts find out what it runs on. */
export const SERVERS = Symbol('SERVERS');
