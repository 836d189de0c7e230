/** Which of the 16,384 slots of a Redis Cluster a key lives in: CRC-16/XMODEM of the part in braces, as its specification says. */

const SLOTS = 16_384;
const TABLE = Uint16Array.from({ length: 256 }, (_zero, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) crc = ((crc << 8) ^ TABLE[(crc >> 8) ^ byte]) & 0xffff;
  return crc % SLOTS;
}
