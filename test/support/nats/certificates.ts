import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Files of a certificate for 127.0.0.1 that is its own authority. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Makes a certificate in `directory`, by openssl 1.1.1 or newer. */
export async function makeCertificate(directory: string): Promise<TestCertificate> {
  const certificate = path.join(directory, 'server.crt');
  const key = path.join(directory, 'server.key');
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    certificate,
    '-subj',
    '/CN=127.0.0.1',
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
  ]);
  return { certificate, key };
}

/** The texts of the certificate and its key that this process trusts first. */
let first: readonly [certificate: string, key: string] | undefined;

/** As {@link makeCertificate}, but the same one for all servers of a process: its workerd trusts only the first. */
export async function sameCertificate(directory: string): Promise<TestCertificate> {
  if (first === undefined) {
    const made = await makeCertificate(directory);
    first = [await readFile(made.certificate, 'utf8'), await readFile(made.key, 'utf8')];
    return made;
  }
  const certificate = path.join(directory, 'server.crt');
  const key = path.join(directory, 'server.key');
  await writeFile(certificate, first[0]);
  await writeFile(key, first[1]);
  return { certificate, key };
}

/**
 * Makes this process, and the workerd that it starts, trust a certificate. Miniflare reads it when it is loaded, so import
 * it after this.
 */
export async function trust({ certificate }: TestCertificate): Promise<void> {
  process.env.NODE_EXTRA_CA_CERTS = certificate;
  const pem = await readFile(certificate, 'utf8');
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), pem]);
}
