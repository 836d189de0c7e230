/** Which leases Redis holds for an application. */
import { Redis } from 'ioredis';

/** Keys of all leases of a namespace that have not ended. */
export async function leasesOf(url: string, namespace: string): Promise<readonly string[]> {
  const admin = new Redis(url);
  try {
    return await admin.keys(`${namespace}:*:l:*`);
  } finally {
    admin.disconnect();
  }
}
