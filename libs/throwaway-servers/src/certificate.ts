/** A certificate for loopback that is its own authority; for throwaway servers only, it lives two days. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { opensslProgram } from './programs.js';

const run = promisify(execFile);

export interface Certificate {
  /** Path of the private key. */
  readonly key: string;
  /** Path of the certificate. */
  readonly certificate: string;
  /** What a client is to trust, as PEM. */
  readonly ca: string;
}

/** Makes key and certificate in `dir`. */
export async function certify(dir: string): Promise<Certificate> {
  const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...names];
  await run(await opensslProgram(), [...made, '-keyout', key, '-out', certificate]);
  return { key, certificate, ca: await readFile(certificate, 'utf8') };
}
