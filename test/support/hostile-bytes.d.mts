export const VERSION_AT: number;
export const FLAGS_AT: number;
export const KEY_ID_AT: number;
export const TAGS_AT: number;
export const PAYLOAD_AT: number;
export function withPayload(honest: Buffer, flags: number, payload: string | Buffer): Buffer;
export const REFUSED: Readonly<Record<string, (bytes: Buffer, random: () => number) => Buffer>>;
export function mutated(bytes: Buffer, random: () => number): Buffer;
